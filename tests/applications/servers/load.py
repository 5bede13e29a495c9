# Requests with idle pauses just around the time for which a server keeps a connection, from several
# clients at once, GET and POST by turns. What to do comes as JSON in LOAD: the URL, for how many seconds,
# and the pause. Prints how often each answer came, as JSON.
#
# What a server carries out more than once is not told here: each POST has a number of its own, and the
# servers write down what they were asked.

import collections
import json
import os
import random
import threading
import time
import http.client
import urllib.parse

CLIENTS = 16
# Around the time, on both sides: a request that is on its way meanwhile is what is looked for.
AROUND = 0.1

load = json.loads(os.environ["LOAD"])
where = urllib.parse.urlsplit(load["url"])
until = time.monotonic() + load["seconds"]
barrier = threading.Barrier(CLIENTS)
answers = collections.Counter()
lock = threading.Lock()


def client(number):
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    turn = 0
    # All go on together: who leaves alone would leave the others waiting.
    while barrier.wait() is not None and time.monotonic() < until:
        turn += 1
        pause = load["pause"] + random.uniform(-AROUND, AROUND)
        time.sleep(max(0, pause))
        method = ("GET", "POST")[(number + turn) % 2]
        body = f"{os.getpid()}-{number}-{turn}" if method == "POST" else None
        try:
            connection.request(method, "/", body=body, headers={"Content-Type": "text/plain"} if body else {})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as fault:
            status = type(fault).__name__
            connection.close()
        with lock:
            answers[f"{method} {status}"] += 1


threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(answers))
