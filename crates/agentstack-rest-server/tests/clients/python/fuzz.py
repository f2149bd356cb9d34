"""The server keeps to its OpenAPI document: schemathesis with all its checks, as an operator.

Deterministic: the same server is asked the same questions. What the fuzzer cannot know is in hooks.py.
"""

import os
import subprocess
import sys
from pathlib import Path

from service import OPERATOR, URL, Checks, call, token

HERE = Path(__file__).resolve().parent
PHASES = "examples,coverage,fuzzing,stateful"
EXAMPLES = 100
# Far more than it takes: a fuzzer that hangs is a finding.
SECONDS = 600
KEYS = ["first", "second", "third"]


def prepared():
    """What the fuzzer needs to know, in the words of hooks.py: a token of its own, a session with entries in it."""
    secret = token("fuzz", "operator")
    session = call("POST", "/api/v1/sessions", secret, {}).json["session"]["id"]
    for key in KEYS:
        for version in range(3):
            entry = {"sessionId": session, "key": key, "content": f"{key} {version}"}
            assert call("POST", "/api/v1/memory", secret, entry).status == 200
    made = [
        call("POST", "/api/v1/tasks", secret, {"sessionId": session, "agentType": "coder"}).json["task"]["id"],
        call("POST", "/api/v1/agents", secret, {"sessionId": session, "type": "coder"}).json["agent"]["id"],
        call("POST", "/api/v1/identities", secret, {"agentType": "coder"}).json["identity"]["agentId"],
    ]
    tokens = call("GET", "/api/v1/tokens", OPERATOR, limit=100).json["tokens"]
    kept = [one["id"] for one in tokens if one["role"] == "operator"]
    return {
        "FUZZ_TOKEN": secret,
        "FUZZ_SESSION": session,
        "FUZZ_KEYS": " ".join(KEYS),
        "FUZZ_THINGS": " ".join(made),
        "FUZZ_KEPT_TOKENS": " ".join(kept),
        "PYTHONPATH": str(HERE),
    }


def main():
    checks = Checks("fuzz")
    environment = os.environ | prepared()
    words = ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{URL}/openapi.json"]
    words += ["--checks", "all", "--phases", PHASES, "--max-examples", str(EXAMPLES)]
    program = Path(sys.executable).with_name("schemathesis")
    # Its working files go where the home is, not among the sources.
    ended = subprocess.run([program, *words], env=environment, cwd=os.environ["HOME"], timeout=SECONDS)
    checks.check("schemathesis finds nothing", ended.returncode == 0, ended.returncode)
    ready = call("GET", "/health/ready")
    checks.check("and the server is ready as before", ready.status == 200, ready)
    checks.end()


if __name__ == "__main__":
    main()
