"""agentstack-mcp as the official Python client sees it: `suite.py <binary>`.

Each scenario runs once for each protocol revision. The client validates every structured answer against
the tool's output schema, and hands us every line on standard output that is not JSON-RPC.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from fences import fences

# The mode of the client, and the revision that it must come to.
REVISIONS = [("auto", "2026-07-28"), ("legacy", "2025-11-25")]
TOOLS = 37
EXIT_SECONDS = 2.0
UNKNOWN_SESSION = "01983b2e-5c00-7000-8000-000000000001"

ENTRIES = {
    "payments-rollback": "To roll back the payment service, redeploy the previous tag and replay the queue.",
    "getUserById": "fn get_user_by_id(id: u64) -> Option<User> lives in src/users/repo.rs, since v1.2.",
    "部署说明": "数据库迁移必须在部署之前完成。東京リージョンではバックアップも確認する。",
    "launch 🚀": "Ship it 🚀👩‍👩‍👧‍👦 on Friday — it's NOT-safe before foo-bar has a@b's approval.",
}

QUESTIONS = {
    "how do we roll back the payment service?": "payments-rollback",
    "get_user_by_id": "getUserById",
    "数据库迁移": "部署说明",
    "it's NOT-safe: foo-bar (a@b)": "launch 🚀",
}


class Checks:
    """Prints a line for each check and counts them."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.about = ""

    def check(self, what, true, detail=""):
        self.passed += bool(true)
        self.failed += not true
        seen = "" if true else f": {detail!r}"
        print(f"{'ok  ' if true else 'FAIL'} {self.about} {what}{seen}", flush=True)


class Peer:
    """One server process and the client that started it."""

    def __init__(self, binary, home, mode):
        self.strays = []
        environment = {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "HOME": str(home)}
        server = StdioServerParameters(command=binary, env=environment, cwd=home, args=["--log", "warn"])
        self.client = Client(stdio_client(server), mode=mode, message_handler=self.take)

    async def take(self, message):
        if isinstance(message, Exception):
            self.strays.append(message)

    async def call(self, tool, /, **arguments):
        """The structured answer; it is also the text, and the client has held it against the schema."""
        answer = await self.client.call_tool(tool, arguments)
        if answer.is_error:
            raise AssertionError(f"{tool}: {answer.content[0].text}")
        assert json.loads(answer.content[0].text) == answer.structured_content, tool
        return answer.structured_content

    async def recall(self, tool, /, **arguments):
        """What is recalled as text, which is all of the text block, and the structured answer beside it."""
        answer = await self.client.call_tool(tool, arguments)
        if answer.is_error or len(answer.content) != 1:
            raise AssertionError(f"{tool}: {answer.content}")
        text = answer.content[0].text
        assert text == answer.structured_content["text"], tool
        return text, answer.structured_content

    async def refusal(self, tool, /, **arguments):
        """The error of a call that must fail, without what differs from call to call."""
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error, f"{tool} was answered: {answer.structured_content}"
        assert json.loads(answer.content[0].text) == answer.structured_content, tool
        error = answer.structured_content["error"]
        assert error.pop("requestId"), tool
        return error


async def shapes(checks, client, revision):
    checks.check("speaks the revision", client.protocol_version == revision, client.protocol_version)
    checks.check("names itself", client.server_info.name == "agentstack", client.server_info)
    tools = (await client.list_tools()).tools
    checks.check(f"lists {TOOLS} tools", len(tools) == TOOLS, [tool.name for tool in tools])
    without = [tool.name for tool in tools if not tool.output_schema]
    checks.check("every tool has an output schema", not without, without)


async def memory(checks, peer, session):
    for key, content in ENTRIES.items():
        stored = await peer.call("memory_store", sessionId=session, key=key, content=content)
        checks.check(f"stores {key}", stored["success"] and stored["entry"]["version"] == 1, stored)
    for question, key in QUESTIONS.items():
        found = await peer.call("memory_search", sessionId=session, query=question)
        first = found["results"][0]["key"] if found["results"] else None
        checks.check(f"finds {key} by `{question}`", first == key, found)
    for key, content in ENTRIES.items():
        entry = (await peer.call("memory_get", sessionId=session, key=key))["entry"]
        checks.check(f"gets {key} as it was stored", entry["content"] == content, entry)
    listed, cursor = [], {}
    for _ in ENTRIES:
        page = await peer.call("memory_list", sessionId=session, limit=3, **cursor)
        listed += [entry["key"] for entry in page["entries"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    complete = len(listed) == len(ENTRIES) and set(listed) == set(ENTRIES) and bool(cursor)
    checks.check("lists all entries page by page", complete, listed)


async def versions(checks, peer, session):
    key = {"sessionId": session, "key": "getUserById"}
    updated = await peer.call("memory_store", **key, content="moved to src/people.rs", ifVersion=1)
    checks.check("updates the version it expects", updated["entry"]["version"] == 2, updated)
    conflict = await peer.refusal("memory_store", **key, content="moved again", ifVersion=1)
    checks.check("a stale version is a conflict", conflict["code"] == "conflict", conflict)
    history = await peer.call("memory_history", **key)
    numbers = [version["version"] for version in history["versions"]]
    checks.check("the history has both versions", numbers == [2, 1], history)
    restored = await peer.call("memory_restore", **key, version=1)
    checks.check("restoring makes a third", restored["entry"]["version"] == 3, restored)
    entry = (await peer.call("memory_get", **key))["entry"]
    checks.check("the content is the first again", entry["content"] == ENTRIES["getUserById"], entry)


async def coordination(checks, peer, stranger):
    """A team at work: three agents, a task with parts, each assigned and completed, and an end that leaves nothing."""
    session = {"sessionId": (await peer.call("session_start"))["session"]["id"]}
    types = await peer.call("agent_types")
    checks.check("there are eleven kinds of agents", types["count"] == 11, types)
    team = {}
    for kind in ["coordinator", "coder", "reviewer"]:
        team[kind] = (await peer.call("agent_spawn", **session, type=kind, name=f"the {kind}"))["agent"]["id"]
    goal = await peer.call("task_create", **session, agentType="coordinator", input="Ship the rollback", riskLevel="high")
    goal = goal["task"]["id"]
    await peer.call("task_assign", **session, taskId=goal, agentId=team["coordinator"])
    part = {**session, "parentTaskId": goal}
    code = (await peer.call("task_create", **part, agentType="coder", input="Write it"))["task"]["id"]
    review = await peer.call("task_create", **part, agentType="reviewer", input="Review it", dependsOn=[code])
    review = review["task"]["id"]
    early = await peer.refusal("task_assign", **session, taskId=review, agentId=team["reviewer"])
    checks.check("what depends on an open task is not assigned", early["code"] == "conflict", early)
    for task, agent, output in [(code, "coder", "src/rollback.rs"), (review, "reviewer", "no findings")]:
        await peer.call("task_assign", **session, taskId=task, agentId=team[agent])
        await peer.call("agent_update_status", **session, id=team[agent], status="running")
        note = {"key": f"notes of the {agent}", "content": output, "agentId": team[agent]}
        await peer.call("memory_store", **session, **note)
        done = await peer.call("task_complete", **session, taskId=task, output=output, storeAs=f"result of the {agent}")
        checks.check(f"the {agent} completes its task", done["task"]["status"] == "completed", done)
        await peer.call("agent_update_status", **session, id=team[agent], status="completed")
    related = await peer.call("task_get_relationships", **session, taskId=goal, direction="outgoing")
    parts = [one["toTaskId"] for one in related["relationships"] if one["type"] == "parent_of"]
    checks.check("the goal has two parts", sorted(parts) == sorted([code, review]), related)
    await peer.call("task_complete", **session, taskId=goal, output="shipped")
    again = await peer.refusal("task_complete", **session, taskId=goal)
    checks.check("a task ends once", "`completed`" in again["message"], again)
    listed = await peer.call("task_list", **session, status="completed")
    checks.check("three tasks are completed", listed["total"] == 3, listed)
    coder = await peer.call("agent_status", **session, name="the coder")
    checks.check("an agent's calls are counted", coder["agent"]["usage"]["operations"] >= 1, coder)
    foreign = await stranger.refusal("task_get", **session, taskId=goal)
    checks.check("another process finds none of it", foreign["code"] == "not_found", foreign)
    ended = await peer.call("session_end", **session)
    expected = {"entries": 4, "agents": 3, "tasks": 3}
    checks.check("the end takes all of it", ended["removed"] == expected, ended)
    gone = await peer.refusal("agent_list", **session)
    checks.check("and leaves nothing", gone["code"] == "not_found", gone)


async def isolation(checks, peer, stranger, session, token):
    foreign = {"sessionId": session, "key": "payments-rollback"}
    unknown = {"sessionId": UNKNOWN_SESSION, "key": "payments-rollback"}
    for tool, extra in [("memory_get", {}), ("memory_store", {"content": "x"}), ("memory_delete", {})]:
        refused = await stranger.refusal(tool, **foreign, **extra)
        checks.check(f"{tool} in a foreign session is not_found", refused["code"] == "not_found", refused)
        absent = await stranger.refusal(tool, **unknown, **extra)
        checks.check(f"{tool} answers as for an unknown session", refused == absent, (refused, absent))
    resumed = await stranger.call("session_start", resumeToken=token)
    checks.check("a resume token opens the session", resumed["session"]["id"] == session, resumed)
    found = await stranger.call("memory_get", **foreign)
    checks.check("the session resumed is the same", found["found"], found)


async def ending(checks, peer, session):
    try:
        answer = await peer.client.call_tool("no_such_tool", {})
        error = answer.content[0].text if answer.is_error else ""
    except MCPError as raised:
        error = raised.message
    checks.check("an unknown tool is an error that names it", "no_such_tool" in error, error)
    refused = await peer.refusal("memory_store", sessionId=session, key="k", content="c", colour="red")
    checks.check("an unknown argument is invalid_input", refused["code"] == "invalid_input", refused)
    ended = await peer.call("session_end", sessionId=session)
    checks.check("ending removes the entries", ended["removed"]["entries"] == len(ENTRIES), ended)
    refused = await peer.refusal("memory_get", sessionId=session, key="payments-rollback")
    checks.check("an ended session is not_found", refused["code"] == "not_found", refused)


async def scenario(checks, binary, home, mode, revision):
    peer, stranger = Peer(binary, home, mode), Peer(binary, home, mode)
    async with peer.client as client:
        await shapes(checks, client, revision)
        started = await peer.call("session_start", metadata={"suite": "python"})
        session = started["session"]["id"]
        await memory(checks, peer, session)
        await versions(checks, peer, session)
        await fences(checks, peer)
        async with stranger.client as second:
            # A client validates answers of the tools that it has seen.
            await second.list_tools()
            await coordination(checks, peer, stranger)
            await isolation(checks, peer, stranger, session, started["resumeToken"])
        await ending(checks, peer, session)
        closing = time.monotonic()
    took = time.monotonic() - closing
    # The client waits this long before it sends a signal: sooner means that the server went by itself.
    checks.check(f"exits within {EXIT_SECONDS} s of its last input", took < EXIT_SECONDS, took)
    strays = peer.strays + stranger.strays
    checks.check("writes nothing but JSON-RPC", not strays, strays)


def whole_life(checks, binary, home):
    """Every byte of a life, from the first to the last, without the client in between."""
    client = {"name": "suite", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "session_start", "arguments": {}}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    environment = os.environ | {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "HOME": str(home)}
    begun = time.monotonic()
    ended = subprocess.run([binary], input=text, cwd=home, env=environment, capture_output=True, timeout=30)
    took = time.monotonic() - begun
    checks.check("a life of three lines ends well", ended.returncode == 0, (ended.returncode, ended.stderr))
    checks.check(f"and within {EXIT_SECONDS} s", took < EXIT_SECONDS, took)
    try:
        answers = [json.loads(line) for line in ended.stdout.splitlines()]
    except ValueError:
        answers = []
    whole = [answer.get("id") for answer in answers] == [1, 2] and all("result" in answer for answer in answers)
    checks.check("every line it wrote is an answer", whole, ended.stdout)


def main():
    binary = str(Path(sys.argv[1]).resolve())
    # What the client has to say of a bad line, it tells us as well.
    logging.disable(logging.CRITICAL)
    checks = Checks()
    for mode, revision in REVISIONS:
        checks.about = f"[{revision}]"
        with tempfile.TemporaryDirectory() as home:
            try:
                asyncio.run(scenario(checks, binary, Path(home), mode, revision))
            except* Exception as broken:
                checks.check("runs to its end", False, broken.exceptions)
    checks.about = "[stdio]"
    with tempfile.TemporaryDirectory() as home:
        whole_life(checks, binary, Path(home))
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
