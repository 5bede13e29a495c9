// A service of Node that says what it saw: the marker and the user of the request, and the length
// and the digest of its body. The path says how it answers. Prints one line of JSON with the ports:
// `steady` keeps what it promises, `hasty` closes kept connections without a word.
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// The account of what was seen, and as many lines of the marker as were asked for.
function text(request, seen) {
  const { searchParams } = new URL(request.url, 'http://service');
  const marker = request.headers['x-marker'] || '';
  const account = {
    service: 'node', marker, user: request.headers['x-user-id'] || '',
    method: request.method, path: request.url, ...seen,
  };
  return `${JSON.stringify(account)}\n${`${marker}\n`.repeat(Number(searchParams.get('count') || 0))}`;
}

async function inPieces(response, whole, between) {
  const size = Math.ceil(whole.length / 3);
  for (let start = 0; start < whole.length; start += size) {
    response.write(whole.slice(start, start + size));
    await pause(between);
  }
}

// Says how long the whole is, or that it comes in chunks, and goes away after two thirds.
function breakOff(response, whole) {
  response.write(whole.slice(0, (whole.length * 2) / 3), () => response.socket.destroySoon());
}

const ways = {
  '/plain': (response, whole) => response.setHeader('Content-Length', whole.length).end(whole),
  '/chunked': (response, whole) => inPieces(response, whole, 0).then(() => response.end()),
  '/slow': (response, whole) => inPieces(response, whole, 60).then(() => response.end()),
  // Ends with the connection: no length, no chunks.
  '/closing': (response, whole) => {
    response.setHeader('Connection', 'close');
    response.removeHeader('Transfer-Encoding');
    response.end(whole);
  },
  '/204': (response) => response.writeHead(204).end(),
  '/304': (response) => response.writeHead(304).end(),
  '/broken': (response, whole) => breakOff(response.setHeader('Content-Length', whole.length), whole),
  '/broken_chunks': breakOff,
  '/hangup': (response, whole) => {
    const { socket } = response;
    response.setHeader('Content-Length', whole.length).end(whole, () => socket.destroySoon());
  },
};

async function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://service');
  response.setHeader('X-Marker', request.headers['x-marker'] || '');
  response.setHeader('X-Seen-User', request.headers['x-user-id'] || '');
  // The one way that does not wait for the body.
  if (pathname === '/early') return ways['/plain'](response, text(request, {}));
  const digest = crypto.createHash('sha256');
  let length = 0;
  for await (const piece of request) {
    digest.update(piece);
    length += piece.length;
  }
  return ways[pathname](response, text(request, { length, digest: digest.digest('hex') }));
}

function listen(options) {
  const answer = (request, response) => serve(request, response).catch(() => request.socket.destroy());
  const server = http.createServer(options, answer);
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done(server.address().port));
  });
}

(async () => {
  const steady = await listen({ keepAliveTimeout: 120_000 });
  const hasty = await listen({ keepAliveTimeout: 20 });
  console.log(JSON.stringify({ steady, hasty }));
})();
