"""The server as the official Python MCP client sees it over streamable HTTP, once for each protocol revision."""

import asyncio
import json

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from service import UNKNOWN_SESSION, URL, Checks, token

# The mode of the client, and the revision that it must come to.
REVISIONS = [("auto", "2026-07-28"), ("legacy", "2025-11-25")]
TOOLS = 44
KEY = "launch 🚀"
CONTENT = "Ship it 🚀 on Friday — 数据库迁移必须在部署之前完成."


async def answer(client, tool, arguments):
    """The structured answer, which the client has held against the schema, and whether it is an error."""
    answered = await client.call_tool(tool, arguments)
    assert json.loads(answered.content[0].text) == answered.structured_content, tool
    return answered.structured_content, answered.is_error


async def memory(checks, client):
    started, _ = await answer(client, "session_start", {"metadata": {"suite": "python"}})
    session = started["session"]["id"]
    stored, failed = await answer(client, "memory_store", {"sessionId": session, "key": KEY, "content": CONTENT})
    checks.check("stores", not failed and stored["entry"]["version"] == 1, stored)
    found, failed = await answer(client, "memory_search", {"sessionId": session, "query": "数据库迁移"})
    checks.check("finds", not failed and [one["key"] for one in found["results"]] == [KEY], found)
    got, failed = await answer(client, "memory_get", {"sessionId": session, "key": KEY})
    checks.check("gets what was stored", not failed and got["entry"]["content"] == CONTENT, got)
    return session


async def isolation(checks, stranger, session):
    errors = []
    for name in (session, UNKNOWN_SESSION):
        refused, failed = await answer(stranger, "memory_get", {"sessionId": name, "key": KEY})
        checks.check("a foreign or unknown session is refused", failed, refused)
        error = refused["error"]
        assert error.pop("requestId")
        errors.append(error)
    checks.check("and both alike", errors[0] == errors[1] and errors[0]["code"] == "not_found", errors)


def connect(secret, mode):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}, timeout=30)
    return Client(streamable_http_client(f"{URL}/mcp", http_client=http), mode=mode)


async def scenario(checks, mode, revision):
    owner, stranger = token("python-owner", "developer"), token("python-stranger", "developer")
    async with connect(owner, mode) as client, connect(stranger, mode) as second:
        checks.check("speaks the revision", client.protocol_version == revision, client.protocol_version)
        tools = (await client.list_tools()).tools
        checks.check(f"lists {TOOLS} tools", len(tools) == TOOLS, [tool.name for tool in tools])
        await second.list_tools()
        session = await memory(checks, client)
        await isolation(checks, second, session)
        ended, failed = await answer(client, "session_end", {"sessionId": session})
        checks.check("ends", not failed and ended["removed"]["entries"] == 1, ended)


async def viewer(checks):
    async with connect(token("python-viewer", "viewer"), "auto") as client:
        arguments = {"sessionId": UNKNOWN_SESSION, "key": "k", "content": "c"}
        refused, failed = await answer(client, "memory_store", arguments)
        tools = {tool.name for tool in (await client.list_tools()).tools}
        checks.check("a viewer is not offered to store", "memory_get" in tools and "memory_store" not in tools, tools)
        checks.check("a viewer may not store", failed and refused["error"]["code"] == "forbidden", refused)


def main():
    checks = Checks("")
    for mode, revision in REVISIONS:
        checks.about = revision
        asyncio.run(scenario(checks, mode, revision))
    checks.about = "policy"
    asyncio.run(viewer(checks))
    checks.end()


if __name__ == "__main__":
    main()
