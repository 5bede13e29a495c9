"""jupyter-kernel-client runs something in a kernel; a file is saved by the REST API.

Authorization is the gateway's, so that Jupyter's own token comes in the query.
"""
import json
import os

import requests
from jupyter_kernel_client import JupyterKernelClient

url, jupyter = os.environ["URL"], os.environ["JUPYTER_TOKEN"]
ours = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
with JupyterKernelClient(server_url=url, token=jupyter, headers=dict(ours)) as kernel:
    reply = kernel.execute("print(6 * 7)")
computed = reply["outputs"][0]["text"]
file = {"type": "file", "format": "text", "content": "x" * (11 << 20)}
saved = requests.put(
    f"{url}/api/contents/noted [1].txt", params={"token": jupyter}, headers=ours, json=file, timeout=60
)
saved.raise_for_status()
print(json.dumps({"computed": computed, "saved": saved.json()["name"]}))
