"""Asks another implementation whether a message is signed: exit code 0 and the message, or 1."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

asked = json.loads(sys.argv[1])
secret = asked["secret"]
# A text that is not marked as Base64 is the secret itself.
webhook = Webhook(secret if secret.startswith("whsec_") else secret.encode())
try:
    print(json.dumps(webhook.verify(asked["body"], asked["headers"])))
except WebhookVerificationError as fault:
    sys.exit(str(fault))
