"""Takes each name below example.com for loopback."""
import socket

_looked_up = socket.getaddrinfo


def _loopback(host, *more, **named):
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.endswith(".example.com"):
        host = "127.0.0.1"
    return _looked_up(host, *more, **named)


socket.getaddrinfo = _loopback
