#!/usr/bin/env bash
# One of 128 P-256 public keys has a coordinate that begins with a zero byte. RFC 7518 §6.2.1.2 wants it
# kept in a JWK; some issuers (rhonabwy of Debian 12 among them) leave it out. Of libraries that read such
# a key PyJWT 2.15.1 refuses it ("Coords should be 32 bytes for curve P-256"), and jwcrypto 1.6.1, joserfc
# 1.8.0 and jose 6.2.3 (Node) take it for the key that it is: after a rotation the same tokens are good
# for some services of an issuer and bad for others.
# Needs python3 with venv, node 20 and npm. Ends with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "pyjwt[crypto]==2.15.1" jwcrypto==1.6.1 joserfc==1.8.0
npm install --silent --no-audit --no-fund --prefix "$folder" jose@6.2.3
cat >"$folder/keys.py" <<'PY'
import base64, json, sys
from cryptography.hazmat.primitives.asymmetric import ec

def text(number):
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

scalar = 1
while True:
    scalar += 1
    public = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    if public.x.bit_length() <= 248 < public.y.bit_length():
        break
json.dump({"kty": "EC", "crv": "P-256", "x": text(public.x), "y": text(public.y)}, open(sys.argv[1], "w"))
PY
cat >"$folder/read.py" <<'PY'
import json, sys

key = json.load(open(sys.argv[1]))

def pyjwt():
    import jwt
    jwt.PyJWK(key, algorithm="ES256")

def jwcrypto():
    from jwcrypto import jwk
    jwk.JWK(**key).export_to_pem()

def joserfc():
    from joserfc.jwk import ECKey
    ECKey.import_key(key).as_pem()

for read in (pyjwt, jwcrypto, joserfc):
    try:
        read()
        print(read.__name__, "takes it")
    except Exception as fault:
        print(read.__name__, "refuses it:", fault)
PY
cat >"$folder/read.mjs" <<'JS'
import { readFileSync } from "node:fs";
import { importJWK } from "jose";
const key = JSON.parse(readFileSync(process.argv[2], "utf8"));
await importJWK(key, "ES256").then(() => console.log("jose takes it"), (fault) => console.log("jose refuses it:", fault.message));
JS
"$folder/venv/bin/python" "$folder/keys.py" "$folder/key.json"
seen=$("$folder/venv/bin/python" "$folder/read.py" "$folder/key.json"; node "$folder/read.mjs" "$folder/key.json")
echo "$seen"
[ "$seen" = "pyjwt refuses it: Coords should be 32 bytes for curve P-256
jwcrypto takes it
joserfc takes it
jose takes it" ]
