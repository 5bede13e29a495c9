// Services that stream, as others write them: a WebSocket echo, server-sent events, and gRPC.
// Prints one line of JSON with the ports.
'use strict';
const http = require('node:http');
const { WebSocketServer } = require('ws');
const grpc = require('@grpc/grpc-js');

const seen = [];
const server = http.createServer((request, response) => {
  seen.push({ url: request.url, headers: request.headers });
  if (request.url.endsWith('/events')) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.write('data: first\n\n');
    const more = request.url.includes('ticking') ? setInterval(() => response.write('data: more\n\n'), 50) : 0;
    request.on('close', () => clearInterval(more));
    return;
  }
  // An answer of any kind that goes on: until its client leaves, or for six seconds to the length that
  // it said.
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  if (pathname.endsWith('/lasting')) {
    const measured = searchParams.has('measured');
    // More than a proxy gathers before it sends.
    const first = 'first\n'.padStart(measured ? 4096 : 0);
    const lengths = measured ? { 'Content-Length': first.length + 'last\n'.length } : {};
    response.writeHead(200, { 'Content-Type': searchParams.get('type') ?? 'text/plain', ...lengths });
    response.write(first);
    const more = searchParams.has('ticking') ? setInterval(() => response.write('more\n'), 50) : 0;
    const end = measured ? setTimeout(() => response.end('last\n'), 6000) : 0;
    response.on('close', () => (clearInterval(more), clearTimeout(end)));
    return;
  }
  if (request.url.endsWith('/seen')) return response.end(JSON.stringify(seen));
  response.end('plain');
});
// A client may offer protocols; the first one is taken, as the package does by itself.
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket, request) => {
  seen.push({ url: request.url, headers: request.headers });
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});

const bytes = { requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b };
const method = (name, requestStream, responseStream) => ({ path: `/echo.Echo/${name}`, requestStream, responseStream, ...bytes });
const rpc = new grpc.Server();
rpc.addService(
  { One: method('One', false, false), Many: method('Many', true, true), Fail: method('Fail', false, false) },
  {
    One: (call, done) => {
      const trailers = new grpc.Metadata();
      trailers.set('x-user-id', 'not for clients');
      trailers.set('x-other', 'is');
      done(null, Buffer.from(`${call.metadata.get('x-user-id')}:${call.request}`), trailers);
    },
    Many: (call) => {
      call.on('data', (data) => call.write(data));
      call.on('end', () => call.end());
    },
    Fail: (call, done) => done({ code: grpc.status.NOT_FOUND, details: 'no such thing' }),
  },
);
server.listen(0, '127.0.0.1', () => {
  rpc.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (fault, port) => {
    if (fault) throw fault;
    console.log(JSON.stringify({ http: server.address().port, grpc: port }));
  });
});
