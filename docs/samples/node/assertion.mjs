// A middleware (Express, Connect, node:http) that lets only requests through that the gateway
// vouches for. Node 18 or newer; npm install jose

import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** Puts the claims of a good assertion into `request.identity`. */
export function assertion({ jwksUrl, issuer, audience }) {
  // Fetched when needed, kept, and fetched again for a key that is not known: at most once in the
  // cool-down, whatever is sent.
  const keys = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: 2_000, timeoutDuration: 5_000 })
  const rules = {
    algorithms: ['EdDSA'], // pinned here, and never chosen by the token
    typ: 'gateway-assertion+jwt', // no other token of the gateway is an assertion
    issuer,
    audience,
    requiredClaims: ['sub', 'iat', 'exp'],
    clockTolerance: 5,
  }
  return async (request, response, next) => {
    try {
      const token = request.headers['x-gateway-assertion'] ?? ''
      request.identity = (await jwtVerify(token, keys, rules)).payload
    } catch {
      response.writeHead(401).end('the gateway does not vouch for this request\n')
      return
    }
    next()
  }
}

const { JWKS_URL: jwksUrl, ISSUER: issuer, AUDIENCE: audience, PORT: port = '0' } = process.env
const vouched = assertion({ jwksUrl, issuer, audience })
const server = createServer((request, response) =>
  vouched(request, response, () => {
    const { sub, email } = request.identity
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ sub, email }))
  }),
)
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`))
