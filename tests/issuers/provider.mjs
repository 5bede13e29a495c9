// An OpenID provider (`oidc-provider` of npm) for the tests: people get access tokens by
// `client_credentials`, each with the claims that the test gave them. It counts who asks for its
// keys, and prints the address that it listens on.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
console.info = console.warn = () => {};
const entry = path.join(process.env.NODE_PATH, 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(entry));

const settings = JSON.parse(process.env.SETTINGS);
const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }],
  EdDSA: ['ed25519', {}],
};
// A key lives in a file: a provider that comes back has the same one.
if (!existsSync(settings.key)) {
  const { privateKey } = generateKeyPairSync(...kinds[settings.alg]);
  const made = { ...privateKey.export({ format: 'jwk' }), kid: settings.kid, use: 'sig', alg: settings.alg };
  writeFileSync(settings.key, JSON.stringify(made));
}
const jwk = JSON.parse(readFileSync(settings.key, 'utf8'));

const counts = { keys: 0, discovery: 0 };
const tls = settings.certificate && {
  cert: readFileSync(settings.certificate),
  key: readFileSync(settings.certificate_key),
};
let answer = (request, response) => response.writeHead(503).end();
const server = tls ? https.createServer(tls, (...it) => answer(...it)) : http.createServer((...it) => answer(...it));

server.listen(settings.port, '127.0.0.1', () => {
  const issuer = `${tls ? 'https' : 'http'}://${settings.host}:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [jwk] },
    cookies: { keys: ['test'] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', settings.alg] },
    clients: Object.keys(settings.people).map((name) => ({
      client_id: name,
      client_secret: 'secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: settings.alg,
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, audience) => ({
          scope: 'todo',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: settings.alg } },
        }),
      },
    },
    extraTokenClaims: (ctx) => settings.people[ctx.oidc.client.clientId],
    ttl: { ClientCredentials: settings.lifetime },
  });
  const provide = provider.callback();
  answer = (request, response) => {
    if (request.url === '/counts') return response.end(JSON.stringify(counts));
    if (request.url === '/jwks') counts.keys += 1;
    if (request.url.startsWith('/.well-known')) counts.discovery += 1;
    provide(request, response);
  };
  // The test itself asks here, without TLS.
  const aside = http.createServer((...it) => answer(...it)).listen(0, '127.0.0.1', () => {
    process.stdout.write(`${issuer} http://127.0.0.1:${aside.address().port}\n`);
  });
});
