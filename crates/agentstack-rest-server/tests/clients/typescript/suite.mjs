// The server as the official TypeScript MCP client sees it over streamable HTTP, once for each protocol revision.
// `AGENTSTACK_URL` says where the server is, `AGENTSTACK_TOKEN` is an operator's token.
//
// The client validates every structured answer against the tool's output schema.

import { isDeepStrictEqual } from 'node:util';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const REVISIONS = [
  [{ versionNegotiation: { mode: 'auto' } }, '2026-07-28'],
  [{ versionNegotiation: { mode: 'legacy' } }, '2025-11-25'],
  [{ versionNegotiation: { mode: 'legacy' }, supportedProtocolVersions: ['2025-06-18'] }, '2025-06-18'],
];
const TOOLS = 44;
const SERVER = process.env.AGENTSTACK_URL;
const OPERATOR = process.env.AGENTSTACK_TOKEN;
const UNKNOWN_SESSION = '01983b2e-5c00-7000-8000-000000000001';
const KEY = 'launch 🚀';
const CONTENT = "Ship it 🚀👩‍👩‍👧‍👦 on Friday — it's NOT-safe before foo-bar has a@b's approval.";

let passed = 0;
let failed = 0;
let about = '';

function check(what, ok, detail) {
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} [${about}] ${what}${ok ? '' : `: ${JSON.stringify(detail)}`}`);
}

/** A token that the operator made. */
async function token(subject, role) {
  const made = await fetch(`${SERVER}/api/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR}`, 'content-type': 'application/json' },
    body: JSON.stringify({ subject, role }),
  });
  if (!made.ok) throw new Error(`no token: ${made.status} ${await made.text()}`);
  return (await made.json()).secret;
}

/** One client with a token of its own. */
class Peer {
  complaints = [];

  constructor(secret, options) {
    const requestInit = { headers: { authorization: `Bearer ${secret}` } };
    this.transport = new StreamableHTTPClientTransport(new URL(`${SERVER}/mcp`), { requestInit });
    this.client = new Client({ name: 'suite', version: '1' }, options);
    this.client.onerror = (error) => this.complaints.push(String(error));
  }

  async answer(tool, args) {
    const answer = await this.client.callTool({ name: tool, arguments: args });
    const text = JSON.parse(answer.content[0].text);
    if (!isDeepStrictEqual(text, answer.structuredContent)) throw new Error(`${tool}: text and structure differ`);
    return answer;
  }

  /** The structured answer of a call that must succeed. */
  async call(tool, args = {}) {
    const answer = await this.answer(tool, args);
    if (answer.isError) throw new Error(`${tool}: ${answer.content[0].text}`);
    return answer.structuredContent;
  }

  /** The error of a call that must fail, without what differs from call to call. */
  async refusal(tool, args) {
    const answer = await this.answer(tool, args);
    if (!answer.isError) throw new Error(`${tool} was answered: ${answer.content[0].text}`);
    const { requestId, ...error } = answer.structuredContent.error;
    if (!requestId) throw new Error(`${tool}: an error without a request id`);
    return error;
  }
}

async function scenario(options, revision) {
  const peer = new Peer(await token('typescript-owner', 'developer'), options);
  const stranger = new Peer(await token('typescript-stranger', 'developer'), options);
  await peer.client.connect(peer.transport);
  await stranger.client.connect(stranger.transport);
  const spoken = peer.client.getNegotiatedProtocolVersion();
  check('speaks the revision', spoken === revision, spoken);
  const { tools } = await peer.client.listTools();
  check(`lists ${TOOLS} tools`, tools.length === TOOLS, tools.map((tool) => tool.name));
  await stranger.client.listTools();
  const started = await peer.call('session_start', { metadata: { suite: 'typescript' } });
  const sessionId = started.session.id;
  const stored = await peer.call('memory_store', { sessionId, key: KEY, content: CONTENT });
  check('stores', stored.success && stored.entry.version === 1, stored);
  const found = await peer.call('memory_search', { sessionId, query: "it's NOT-safe: foo-bar (a@b)" });
  check('finds', found.results[0]?.key === KEY, found);
  const { entry } = await peer.call('memory_get', { sessionId, key: KEY });
  check('gets what was stored', entry?.content === CONTENT, entry);
  const refused = await stranger.refusal('memory_get', { sessionId, key: KEY });
  check('a foreign session is not_found', refused.code === 'not_found', refused);
  const absent = await stranger.refusal('memory_get', { sessionId: UNKNOWN_SESSION, key: KEY });
  check('and answers as an unknown one', isDeepStrictEqual(refused, absent), [refused, absent]);
  const ended = await peer.call('session_end', { sessionId });
  check('ending removes the entry', ended.removed.entries === 1, ended);
  await peer.client.close();
  await stranger.client.close();
  const complaints = [...peer.complaints, ...stranger.complaints];
  check('gives the client no reason to complain', complaints.length === 0, complaints);
}

/** A client without a token, or with a bad one, is not let in. */
async function withoutToken() {
  for (const secret of ['', `ast_${'0'.repeat(72)}`]) {
    const peer = new Peer(secret, {});
    const refused = await peer.client.connect(peer.transport).then(() => '', String);
    check('a client without a good token is refused', refused !== '', secret);
  }
}

for (const [options, revision] of REVISIONS) {
  about = revision;
  await scenario(options, revision).catch((error) => check('runs to its end', false, String(error)));
}
about = 'no token';
await withoutToken();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
