# A service on uvicorn that says what it saw: the marker and the user of the request, and the length
# and the digest of its body. The path says how it answers. Its port is the one argument.

import asyncio
import hashlib
import json
import sys
from urllib.parse import parse_qs

import uvicorn


class Gone(Exception):
    """The other side went away before its request was whole."""


async def read(receive):
    digest, length = hashlib.sha256(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        digest.update(message["body"])
        length += len(message["body"])
        if not message["more_body"]:
            return {"length": length, "digest": digest.hexdigest()}


def text(scope, marker, user, seen):
    query = scope["query_string"].decode()
    path = scope["path"] + (f"?{query}" if query else "")
    account = {"service": "uvicorn", "marker": marker, "user": user, "method": scope["method"], "path": path}
    count = int(parse_qs(query).get("count", ["0"])[0])
    return (json.dumps(account | seen) + "\n" + f"{marker}\n" * count).encode()


async def app(scope, receive, send):
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    marker, user, way = fields.get("x-marker", ""), fields.get("x-user-id", ""), scope["path"]
    try:
        # The one way that does not wait for the body.
        seen = {} if way == "/early" else await read(receive)
    except Gone:
        return
    whole = text(scope, marker, user, seen)
    headers = [(b"x-marker", marker.encode()), (b"x-seen-user", user.encode())]
    if way in ("/plain", "/early", "/broken"):
        headers.append((b"content-length", str(len(whole)).encode()))
    if way == "/closing":
        headers.append((b"connection", b"close"))
    status = int(way[1:]) if way in ("/204", "/304") else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})

    async def piece(body, more=True):
        await send({"type": "http.response.body", "body": body, "more_body": more})

    if status != 200:
        return await piece(b"", more=False)
    if way in ("/plain", "/early"):
        return await piece(whole, more=False)
    third = len(whole) // 3
    await piece(whole[:third])
    await asyncio.sleep(0.06 if way == "/slow" else 0)
    await piece(whole[third : 2 * third])
    if way in ("/broken", "/broken_chunks"):
        # uvicorn then closes the connection.
        raise RuntimeError("breaks off")
    await piece(whole[2 * third :], more=False)


if __name__ == "__main__":
    # Without a line about each break-off that was asked for.
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), http="h11", lifespan="off", log_config=None,
        access_log=False, timeout_keep_alive=120,
    )
