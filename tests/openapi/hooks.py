"""For schemathesis: who asks, what addresses and passwords look like, and two checks of our own."""

import collections
import json
import os
import uuid

import requests
import schemathesis
from hypothesis import strategies

BASE = os.environ["GATEWAY"]
ADMIN = {"email": os.environ["ADMIN_EMAIL"], "password": os.environ["ADMIN_PASSWORD"]}
# The one of the document's examples.
PASSWORD = "Correct-horse-7"
asked = collections.Counter()

# Addresses that nobody has, and passwords that nobody guesses.
schemathesis.openapi.format("email", strategies.uuids().map("{}@generated.example".format))
schemathesis.openapi.format("password", strategies.uuids().map("Aa1-{}".format))


class Person:
    """Somebody with a token, who logs in again where it is no longer good."""

    def __init__(self, credentials):
        self.credentials = credentials
        self.tokens = None

    def token(self):
        if self.tokens is None:
            self.tokens = self.log_in()
        return self.tokens["access_token"]

    def log_in(self):
        return requests.post(f"{BASE}/api/auth/login", json=self.credentials(), timeout=30).json()


def somebody_new():
    credentials = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
    requests.post(f"{BASE}/api/auth/register", json=credentials, timeout=30).raise_for_status()
    return credentials


admin, user = Person(lambda: ADMIN), Person(somebody_new)


def who(operation):
    return admin if "administration" in operation.definition.raw.get("tags", []) else user


# Asked for each request: the one before may have been the end of the token.
@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return who(case.operation).token()

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


# The account of the document's examples.
requests.post(f"{BASE}/api/auth/register", json={"email": "ada@example.com", "password": PASSWORD}, timeout=30)


@schemathesis.hook
def before_call(context, case, kwargs):
    """In place of what looks right, what is: a refresh token, a session. And the administrator stays."""
    label = case.operation.label
    path = case.path_parameters or {}
    if label in ("DELETE /api/auth/users/{id}", "PATCH /api/auth/users/{id}") and str(path.get("id")) == "1":
        path["id"] = 2
    if label == "DELETE /api/auth/sessions/{sid}" and len(str(path["sid"])) == 36:
        headers = {"Authorization": f"Bearer {user.token()}"}
        mine = requests.get(f"{BASE}/api/auth/sessions", headers=headers, timeout=30).json()
        path["sid"] = mine["sessions"][0]["id"]
        case.headers = {**(case.headers or {}), **headers}
    given = case.body.get("refresh_token") if isinstance(case.body, dict) else None
    if label == "POST /api/auth/refresh" and isinstance(given, str) and given:
        asked[label] += 1
        if asked[label] % 2:
            user.token()
            case.body = {**case.body, "refresh_token": user.tokens["refresh_token"]}
            (case.query or {}).pop("mode", None)


succeeded = set()


@schemathesis.hook
def after_call(context, case, response):
    person = who(case.operation)
    if response.status_code == 401 or case.operation.label in ENDS:
        person.tokens = None
    if response.status_code < 300:
        succeeded.add(case.operation.label)
        with open(os.environ["SUCCEEDED"], "w") as file:
            json.dump(sorted(succeeded), file)


ENDS = {"POST /api/auth/logout", "DELETE /api/auth/sessions/{sid}", "POST /api/auth/refresh", "DELETE /api/auth/profile", "PUT /api/auth/password"}


def resolved(case, part):
    while "$ref" in part:
        document = case.operation.schema.raw_schema
        for name in part["$ref"].removeprefix("#/").split("/"):
            document = document[name]
        part = document
    return part


@schemathesis.check
def code_is_documented(ctx, response, case):
    """The code of a refusal is one of those that its status names."""
    if response.status_code < 400:
        return
    documented = case.operation.definition.raw["responses"].get(str(response.status_code))
    if documented is None:
        return
    content = resolved(case, documented)["content"]["application/json"]
    code = response.json()["code"]
    assert code in content["examples"], f"{response.status_code} {code} is not documented"


@schemathesis.check
def no_member_is_undocumented(ctx, response, case):
    """A success says what is documented and nothing else."""
    documented = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    content = resolved(case, documented).get("content", {}).get("application/json")
    if response.status_code >= 300 or content is None or "application/json" not in response.headers["content-type"][0]:
        return
    unknown = list(undocumented(case, content["schema"], response.json(), ""))
    assert not unknown, f"not documented: {unknown}"


def undocumented(case, schema, value, path):
    schema = resolved(case, schema)
    if "oneOf" in schema:
        options = [list(undocumented(case, one, value, path)) for one in schema["oneOf"]]
        yield from min(options, key=len)
    elif isinstance(value, list):
        for one in value:
            yield from undocumented(case, schema.get("items", {}), one, f"{path}[]")
    elif isinstance(value, dict) and "properties" in schema:
        for name, member in value.items():
            if name in schema["properties"]:
                yield from undocumented(case, schema["properties"][name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name}"
