"""A WSGI middleware that lets only requests through that the gateway vouches for.

pip install "pyjwt[crypto]"
"""

import json
import os
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jwt


class Assertion:
    """Puts the claims of a good assertion into environ["gateway.identity"]."""

    def __init__(self, app, jwks_url, issuer, audience):
        self.app = app
        self.issuer = issuer
        self.audience = audience
        # Fetched when needed, kept for five minutes, and fetched again for a key that is not known:
        # not more often than every other second, whatever is sent.
        self.keys = jwt.PyJWKClient(jwks_url, lifespan=300, cooldown_duration=2, timeout=5)

    def __call__(self, environ, start_response):
        try:
            environ["gateway.identity"] = self.verify(environ.get("HTTP_X_GATEWAY_ASSERTION", ""))
        except jwt.PyJWKClientConnectionError:
            start_response("503 Service Unavailable", [("Retry-After", "1")])
            return [b"the gateway's keys cannot be fetched\n"]
        except jwt.PyJWTError:
            start_response("401 Unauthorized", [])
            return [b"the gateway does not vouch for this request\n"]
        return self.app(environ, start_response)

    def verify(self, token):
        # No other token of the gateway is an assertion, whoever signed it.
        if jwt.get_unverified_header(token).get("typ") != "gateway-assertion+jwt":
            raise jwt.InvalidTokenError("another type of token")
        return jwt.decode(
            token,
            self.keys.get_signing_key_from_jwt(token),
            algorithms=["EdDSA"],  # pinned here, and never chosen by the token
            issuer=self.issuer,
            audience=self.audience,
            leeway=5,
            options={"require": ["iss", "sub", "aud", "iat", "exp"]},
        )


def hello(environ, start_response):
    identity = environ["gateway.identity"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"sub": identity["sub"], "email": identity.get("email")}).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    app = Assertion(hello, os.environ["JWKS_URL"], os.environ["ISSUER"], os.environ["AUDIENCE"])
    with make_server("127.0.0.1", int(os.environ.get("PORT", "0")), app, handler_class=Quiet) as server:
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
