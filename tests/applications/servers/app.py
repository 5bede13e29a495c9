# Writes down what is posted, by WSGI and by ASGI.

import os


def write_down(number):
    with open(os.environ["POSTS"], "ab") as posts:
        posts.write(number + b"\n")


def wsgi(environ, start):
    if environ["REQUEST_METHOD"] == "POST":
        write_down(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["method"] == "POST":
        number, more = b"", True
        while more:
            piece = await receive()
            number, more = number + piece.get("body", b""), piece.get("more_body", False)
        write_down(number)
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


application = wsgi
