#!/usr/bin/env bash
# uWSGI 2.0.31 closes a connection without a byte of answer when the head of a request is over 4 KiB
# (its default `buffer-size`): no 431, no 400. A proxy that counts broken connections takes it for ill.
# RFC 9110 §15.5 has 431 for it (RFC 6585 §5). With `buffer-size = 32768` the same request gets 200.
# Needs python3 with venv, gcc and the headers of Python. Ends with 1 when any of this has changed.
set -euo pipefail
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check uwsgi==2.0.31
cat >"$folder/app.py" <<'PY'
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
PY
cat >"$folder/ask.py" <<'PY'
import socket, sys, time

def ask(port, size):
    for _ in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Filler: " + b"x" * size + b"\r\n\r\n")
    answer = b""
    try:
        while piece := connection.recv(4096):
            answer += piece
            if answer.endswith(b"ok"):
                break
    except ConnectionResetError:
        pass
    return answer.split(b"\r\n")[0].decode() or "nothing"

usual, wide = int(sys.argv[1]), int(sys.argv[2])
for name, port in (("default", usual), ("buffer-size 32768", wide)):
    for size in (3_000, 5_000):
        print(f"{name}, field of {size} bytes: {ask(port, size)}")
PY
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
usual=$(port) wide=$(port)
cd "$folder"
venv/bin/uwsgi --http11-socket "127.0.0.1:$usual" --wsgi-file app.py --master --disable-logging >usual.log 2>&1 & pids+=($!)
venv/bin/uwsgi --http11-socket "127.0.0.1:$wide" --wsgi-file app.py --master --disable-logging --buffer-size 32768 >wide.log 2>&1 & pids+=($!)
seen=$(python3 ask.py "$usual" "$wide")
echo "$seen"
[ "$seen" = "default, field of 3000 bytes: HTTP/1.1 200 OK
default, field of 5000 bytes: nothing
buffer-size 32768, field of 3000 bytes: HTTP/1.1 200 OK
buffer-size 32768, field of 5000 bytes: HTTP/1.1 200 OK" ]
