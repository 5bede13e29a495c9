// What jose for Node makes of these claims: a token for each algorithm, and the set of its keys as it
// exports them. Beside them, by Node's own cryptography, what no library would sign.
import { createHmac, constants, sign } from 'node:crypto';
import { webcrypto } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

globalThis.crypto ??= webcrypto;
const entry = path.join(process.env.NODE_PATH, 'jose', 'dist', 'node', 'esm', 'index.js');
const { SignJWT, exportJWK, exportSPKI, generateKeyPair } = await import(pathToFileURL(entry));

const claims = JSON.parse(process.env.CLAIMS);
const pairs = {
  rsa: await generateKeyPair('RS256'),
  p256: await generateKeyPair('ES256'),
  p384: await generateKeyPair('ES384'),
  p521: await generateKeyPair('ES512'),
  okp: await generateKeyPair('EdDSA'),
};
const kid = (name) => `did:web:sso.example.com#${name}`;
const keys = [];
for (const [name, { publicKey }] of Object.entries(pairs)) {
  keys.push({ ...(await exportJWK(publicKey)), kid: kid(name), use: 'sig' });
}

const tokens = {};
for (const [alg, name] of Object.entries({
  RS256: 'rsa', RS384: 'rsa', RS512: 'rsa', PS256: 'rsa', PS384: 'rsa', PS512: 'rsa',
  ES256: 'p256', ES384: 'p384', ES512: 'p521', EdDSA: 'okp',
})) {
  const made = new SignJWT(claims).setProtectedHeader({ alg, kid: kid(name), typ: 'JWT' });
  tokens[alg] = await made.sign(pairs[name].privateKey);
}

const encode = (value) => Buffer.from(value).toString('base64url');
const message = (alg, name) =>
  `${encode(JSON.stringify({ alg, kid: kid(name) }))}.${encode(JSON.stringify(claims))}`;
const by = (alg, name, digest, more = {}) => {
  const key = { key: pairs[name].privateKey, dsaEncoding: 'ieee-p1363', ...more };
  const text = message(alg, name);
  return `${text}.${encode(sign(digest, Buffer.from(text), key))}`;
};
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const pem = await exportSPKI(pairs.rsa.publicKey);
const hmac = (alg, digest) => {
  const text = message(alg, 'rsa');
  return `${text}.${createHmac(digest, pem).update(text).digest('base64url')}`;
};
const confused = {
  'ES384 by a key of P-256': by('ES384', 'p256', 'sha384'),
  'ES256 by a key of P-384': by('ES256', 'p384', 'sha256'),
  'ES384 by a key of P-521': by('ES384', 'p521', 'sha384'),
  'ES512 by a key of P-384': by('ES512', 'p384', 'sha512'),
  'ES384 with SHA-256': by('ES384', 'p384', 'sha256'),
  'RS512 with SHA-256': by('RS512', 'rsa', 'sha256'),
  'RS256 with SHA-512': by('RS256', 'rsa', 'sha512'),
  'PS384 with the padding of RS384': by('PS384', 'rsa', 'sha384'),
  'RS384 with the padding of PS384': by('RS384', 'rsa', 'sha384', pss),
  'RS384 by a key of P-384': by('RS384', 'p384', 'sha384'),
  'EdDSA by a key of P-256': by('EdDSA', 'p256', 'sha256'),
  'ES384 in DER': by('ES384', 'p384', 'sha384', { dsaEncoding: 'der' }),
  'HS256 by the public key': hmac('HS256', 'sha256'),
  'HS512 by the public key': hmac('HS512', 'sha512'),
  none: `${message('none', 'rsa')}.`,
};
process.stdout.write(JSON.stringify({ jwks: { keys }, tokens, confused }));
