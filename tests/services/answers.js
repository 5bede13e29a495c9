// Asks for each path by Node's own clients, over HTTP/1.1 and over HTTP/2. Prints for each of them the
// status and the content, or the code of the error, as JSON.
'use strict';
const http = require('node:http');
const http2 = require('node:http2');

const { http1, http2: origin, paths } = JSON.parse(process.env.ASKS);

const byHttp1 = (path) =>
  new Promise((resolve) => {
    const request = http.get(http1 + path, { agent: false }, (response) => {
      let body = '';
      response.on('data', (piece) => (body += piece));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', (fault) => resolve(fault.code));
    });
    request.on('error', (fault) => resolve(fault.code));
  });

const byHttp2 = (path) =>
  new Promise((resolve) => {
    const session = http2.connect(origin);
    session.on('error', () => {});
    const stream = session.request({ ':path': path });
    let status, body = '';
    stream.on('response', (head) => (status = head[':status']));
    stream.on('data', (piece) => (body += piece));
    stream.on('error', (fault) => resolve(`${fault.code}`));
    stream.on('close', () => (resolve(`${status} ${body}`), session.close()));
    stream.end();
  });

(async () => {
  const told = [];
  for (const path of paths) told.push([await byHttp1(path), await byHttp2(path)]);
  console.log(JSON.stringify(told));
})();
