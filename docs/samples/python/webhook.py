"""A service that forgets what it keeps of a person whose account is gone.

pip install flask standardwebhooks
"""

import os

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
webhook = Webhook(os.environ["WEBHOOK_SECRET"])


def delete_everything_of(user_id):
    print(f"everything of user {user_id} is gone", flush=True)


@app.post("/webhooks/gateway")
def gateway():
    try:
        message = webhook.verify(request.get_data(), dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return "", 401
    if message["type"] == "user.deleted":
        # May come twice, and must be durable before the answer: it does not come a third time.
        delete_everything_of(message["data"]["user_id"])
    return "", 204
