"""gradio_client calls a function, and another one with a file."""
import json
import os
import tempfile

from gradio_client import Client, handle_file

client = Client(
    os.environ["URL"], headers={"Authorization": f"Bearer {os.environ['TOKEN']}"}, verbose=False
)
with tempfile.NamedTemporaryFile(suffix=".bin") as large:
    large.write(bytes(12 << 20))
    large.flush()
    measured = client.predict(handle_file(large.name), api_name="/measure")
print(json.dumps({"greeted": client.predict("Ada", api_name="/greet"), "measured": measured}))
