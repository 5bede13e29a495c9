"""webdavclient3 makes, writes, copies, moves, locks and removes."""
import io
import json
import os

import requests
from webdav3.client import Client
from webdav3.exceptions import ResourceLocked, ResponseErrorCode

client = Client({"webdav_hostname": os.environ["URL"], "webdav_token": os.environ["TOKEN"]})


def read(path):
    written = io.BytesIO()
    client.download_from(written, path)
    return written.getvalue().decode()


client.mkdir("folder")
# Apache sends whoever forgets the slash to the address with one.
page = requests.get(os.environ["URL"] + "/folder", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"}, timeout=60)
client.upload_to(io.BytesIO(b"written"), "folder/first.txt")
client.copy("folder/first.txt", "folder/copy [1].txt")
client.move("folder/first.txt", "folder/moved & é.txt")
found = {
    "sent to": page.url if page.ok else page.status_code,
    "moved": read("folder/moved & é.txt"),
    "copied": read("folder/copy [1].txt"),
    # The folder itself is among them.
    "listed": sorted(client.list("folder"), key=lambda name: (not name.endswith("/"), name)),
}
with client.lock("folder/copy [1].txt", timeout=60) as owner:
    try:
        client.upload_to(io.BytesIO(b"stolen"), "folder/copy [1].txt")
        found["locked"] = "written while locked"
    except (ResourceLocked, ResponseErrorCode):
        owner.upload_to(io.BytesIO(b"owned"), "folder/copy [1].txt")
        found["locked"] = "refused while locked, written by the owner of the lock"
assert read("folder/copy [1].txt") == "owned"
client.clean("folder")
print(json.dumps(found))
