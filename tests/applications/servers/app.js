// Writes down what is posted.
'use strict';
const { appendFileSync } = require('node:fs');
const { createServer } = require('node:http');

const server = createServer(async (request, response) => {
  let number = '';
  for await (const piece of request) number += piece;
  if (request.method === 'POST') appendFileSync(process.env.POSTS, `${number}\n`);
  response.setHeader('Content-Length', 2).end('ok');
});
server.listen(process.env.PORT, '127.0.0.1');
