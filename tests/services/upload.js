// A client of HTTP/2 as Node's users write it: `write()`, then `end()`. The URL, the authority's file
// and the fields come as JSON in UPLOAD. Prints the status and the body of the answer as JSON.
'use strict';
const { readFileSync } = require('node:fs');
const http2 = require('node:http2');

const { url, authority, fields, body } = JSON.parse(process.env.UPLOAD);
const { origin, pathname } = new URL(url);
const session = http2.connect(origin, { ca: readFileSync(authority) });
const stream = session.request({ ':method': 'POST', ':path': pathname, ...fields });
let status;
let answer = '';
stream.on('response', (head) => { status = head[':status']; });
stream.setEncoding('utf8').on('data', (piece) => { answer += piece; });
stream.on('close', () => {
  console.log(JSON.stringify({ status, answer }));
  session.close();
});
stream.write(body, () => stream.end());
