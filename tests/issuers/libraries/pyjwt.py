"""What PyJWT makes of these claims: a token for each algorithm, and the set of its keys."""

import json
import os

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

claims = json.loads(os.environ["CLAIMS"])
private = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "okp": ed25519.Ed25519PrivateKey.generate(),
}
writers = {"rsa": RSAAlgorithm, "okp": OKPAlgorithm}
keys = [
    writers.get(name, ECAlgorithm).to_jwk(key.public_key(), as_dict=True) | {"kid": name}
    for name, key in private.items()
]
algorithms = {"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "okp"}
algorithms |= {name: "rsa" for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]}
tokens = {
    algorithm: jwt.encode(claims, private[name], algorithm, headers={"kid": name})
    for algorithm, name in algorithms.items()
}
print(json.dumps({"jwks": {"keys": keys}, "tokens": tokens}))
