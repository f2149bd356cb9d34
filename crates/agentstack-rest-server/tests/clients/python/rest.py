"""The server as a program without any library sees it."""

from service import OPERATOR, UNKNOWN_SESSION, Checks, call, token

CONTENT = "To roll back the payment service, redeploy the previous tag and replay the queue. 数据库 🚀"
KEY = "payments%20rollback%20%F0%9F%9A%80"


def life(checks, owner):
    started = call("POST", "/api/v1/sessions", owner, {"metadata": {"suite": "rest"}})
    checks.check("a session starts", started.status == 200, started)
    session = started.json["session"]["id"]
    entry = {"sessionId": session, "key": "payments rollback 🚀", "content": CONTENT, "tags": ["ops", "pay"]}
    stored = call("POST", "/api/v1/memory", owner, entry)
    checks.check("stores", stored.status == 200 and stored.json["entry"]["version"] == 1, stored)
    stale = call("POST", "/api/v1/memory", owner, {**entry, "ifVersion": 7})
    checks.check("a stale version is a conflict", (stale.status, stale.json["code"]) == (409, "conflict"), stale)
    for method in ("GET", "POST"):
        wanted = {"sessionId": session, "query": "roll back payments", "tags": ["ops", "pay"]}
        path = "/api/v1/memory/search"
        found = call(method, path, owner, **wanted) if method == "GET" else call(method, path, owner, wanted)
        keys = [result["key"] for result in found.json.get("results", [])]
        checks.check(f"finds by {method}", keys == [entry["key"]], found)
    got = call("GET", f"/api/v1/memory/{KEY}", owner, sessionId=session)
    checks.check("gets what was stored", got.json.get("entry", {}).get("content") == CONTENT, got)
    piece = call("GET", f"/api/v1/memory/{KEY}", owner, sessionId=session, offset=3, length=4)
    checks.check("gets a piece", piece.json.get("entry", {}).get("content") == CONTENT[3:7], piece)
    versions = call("GET", f"/api/v1/memory/{KEY}/versions", owner, sessionId=session)
    checks.check("shows the versions", versions.json.get("count") == 1, versions)
    restored = call("POST", f"/api/v1/memory/{KEY}/versions/1/restore", owner, {"sessionId": session})
    checks.check("restores a version", restored.status == 200 and restored.json["entry"]["version"] == 2, restored)
    return session


def credentials(checks, session):
    for path in ("/api/v1/sessions", "/api/v1/no-such-path", "/metrics", f"/api/v1/sessions/{session}"):
        refused = call("GET", path)
        challenge = refused.headers.get("WWW-Authenticate", "")
        fits = refused.status == 401 and challenge.startswith("Bearer") and refused.json["code"] == "unauthenticated"
        checks.check(f"{path} needs a token", fits, refused)
    checks.check("a made-up token is refused", call("GET", "/api/v1/sessions", "ast_" + "0" * 72).status == 401)
    viewer = token("rest-viewer", "viewer")
    refused = call("POST", "/api/v1/memory", viewer, {"sessionId": session, "key": "k", "content": "c"})
    named = refused.status == 403 and "`memory_store`" in refused.json["detail"]
    checks.check("a viewer's store is forbidden, and the permission is named", named, refused)
    gone = token("rest-gone", "developer")
    checks.check("a fresh token is good", call("GET", "/api/v1/sessions", gone).status == 200)
    tokens = call("GET", "/api/v1/tokens", OPERATOR, limit=100).json["tokens"]
    identity = next(one["id"] for one in tokens if one["subject"] == "rest-gone")
    revoked = call("DELETE", f"/api/v1/tokens/{identity}", OPERATOR)
    after = call("GET", "/api/v1/sessions", gone)
    checks.check("a revoked token is refused from the next call on", (revoked.status, after.status) == (200, 401), after)


def isolation(checks, session):
    """A session of somebody else answers as one that there is not, byte for byte."""
    stranger = token("rest-stranger", "developer")
    requests = [
        ("GET", f"/api/v1/memory/{KEY}", None, {}),
        ("GET", "/api/v1/memory", None, {}),
        ("GET", "/api/v1/memory/search", None, {"query": "payments"}),
        ("GET", f"/api/v1/memory/{KEY}/versions", None, {}),
        ("DELETE", f"/api/v1/memory/{KEY}", None, {}),
        ("POST", "/api/v1/memory", {"key": "k", "content": "c"}, {}),
        ("POST", f"/api/v1/memory/{KEY}/versions/1/restore", {}, {}),
        ("GET", "/api/v1/sessions/{session}", None, {}),
        ("PUT", "/api/v1/sessions/{session}/end", None, {}),
    ]
    for method, path, body, query in requests:
        answers = []
        for name in (session, UNKNOWN_SESSION):
            if "{session}" in path:
                answers.append(call(method, path.format(session=name), stranger))
            elif body is None:
                answers.append(call(method, path, stranger, sessionId=name, **query))
            else:
                answers.append(call(method, path, stranger, {"sessionId": name, **body}))
        foreign, unknown = answers
        checks.check(f"{method} {path} of a stranger is not found", foreign.status == 404, foreign)
        same = foreign.without_request_id() == unknown.without_request_id()
        checks.check(f"{method} {path} answers as for an unknown session", same, answers)


def ending(checks, owner, session):
    ended = call("PUT", f"/api/v1/sessions/{session}/end", owner)
    checks.check("ending removes the entry", ended.json.get("removed", {}).get("entries") == 1, ended)
    gone = call("GET", f"/api/v1/memory/{KEY}", owner, sessionId=session)
    checks.check("an ended session is not found", gone.status == 404, gone)


def main():
    checks = Checks("REST")
    owner = token("rest-owner", "developer")
    session = life(checks, owner)
    credentials(checks, session)
    isolation(checks, session)
    ending(checks, owner, session)
    checks.end()


if __name__ == "__main__":
    main()
