// Starts Swagger UI over the document of this gateway. Nothing is asked of other hosts: the badge of
// validator.swagger.io is off. A token that was given stays in the page, and goes with it.
'use strict';
const order = (entry) => entry.getIn(['operation', 'x-order']);
window.ui = window.SwaggerUIBundle({
  url: '/api/auth/openapi.json',
  dom_id: '#docs',
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: false,
  // What is in the cookie is sent by the browser itself.
  withCredentials: false,
  // As a person comes by them, and not by the alphabet.
  operationsSorter: (one, other) => order(one) - order(other),
});
