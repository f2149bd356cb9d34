"""The running server, as the suites in this folder find it, and how they count what they see.

`AGENTSTACK_URL` says where the server is, `AGENTSTACK_TOKEN` is an operator's token.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ["AGENTSTACK_URL"]
OPERATOR = os.environ["AGENTSTACK_TOKEN"]
UNKNOWN_SESSION = "01983b2e-5c00-7000-8000-000000000001"


class Checks:
    """Prints a line for each check and counts them."""

    def __init__(self, about):
        self.passed = 0
        self.failed = 0
        self.about = about

    def check(self, what, true, detail=""):
        self.passed += bool(true)
        self.failed += not true
        seen = "" if true else f": {detail!r}"
        print(f"{'ok  ' if true else 'FAIL'} [{self.about}] {what}{seen}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        raise SystemExit(self.failed > 0)


class Answer:
    """An answer, whatever its status."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.json = json.loads(body)

    def without_request_id(self):
        """Every byte of the answer but the id of the call, which is different each time."""
        identity = self.headers["x-request-id"]
        assert identity in self.body.decode(), "the body names its call"
        return self.status, self.body.decode().replace(identity, "")

    def __repr__(self):
        return f"{self.status} {self.body.decode()}"


def call(method, path, token=None, body=None, **query):
    """One request. A token is shown only if there is one."""
    address = f"{URL}{path}"
    if query:
        address += "?" + urllib.parse.urlencode(query, doseq=True)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def token(subject, role, **limits):
    """A token that the operator made."""
    made = call("POST", "/api/v1/tokens", OPERATOR, {"subject": subject, "role": role, **limits})
    assert made.status == 200, made
    return made.json["secret"]
