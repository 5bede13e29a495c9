# A client of HTTP/2 as users of httpx write it: the body comes from a generator. The URL, the
# authority's file and the fields come as JSON in UPLOAD. Prints the status and the body of the answer.

import json
import os
import ssl

import httpx

upload = json.loads(os.environ["UPLOAD"])


def pieces():
    yield upload["body"].encode()


context = ssl.create_default_context(cafile=upload["authority"])
with httpx.Client(http1=False, http2=True, verify=context) as client:
    answer = client.post(upload["url"], content=pieces(), headers=upload["fields"])
    print(json.dumps({"status": answer.status_code, "answer": answer.text}))
