// The MCP conformance suite against the running server: `AGENTSTACK_URL` and `AGENTSTACK_TOKEN` say which and who.
//
// The suite cannot show a token, so it talks to a proxy in this process, which adds one and changes nothing else:
// the server's checks of `Host` and `Origin` see what the suite sends, with the server's own port.
//
// What does not apply is in expected-failures.json, each check with the reason. A failure that is not there fails,
// and so does one that is there and does not happen.

import { spawn } from 'node:child_process';
import { openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const server = new URL(process.env.AGENTSTACK_URL);
const token = process.env.AGENTSTACK_TOKEN;
const SUITE = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
// The revisions whose required scenarios are run, each into a folder of its own.
const REVISIONS = ['2026-07-28', '2025-11-25'];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Adds the token, and puts the server's port where the suite has named the proxy's. */
function withToken(incoming, port) {
  const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
  for (const name of ['host', 'origin']) {
    if (headers[name]) headers[name] = headers[name].replace(`:${port}`, `:${server.port}`);
  }
  return headers;
}

const proxy = createServer((incoming, outgoing) => {
  const { method, url } = incoming;
  const { port } = proxy.address();
  const options = { host: server.hostname, port: server.port, method, path: url, headers: withToken(incoming, port) };
  const forward = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  forward.on('error', (error) => outgoing.destroy(error));
  incoming.pipe(forward);
});

/** Runs the suite over one revision. What it found is in files: its own words and exit code take no account of ours. */
function run(revision, results, port) {
  const words = ['server', '--url', `http://127.0.0.1:${port}/mcp`, '--requirements', revision, '-o', results];
  const log = openSync(here(`results-${revision}.log`), 'w');
  const stdio = ['ignore', log, log];
  const child = spawn(process.execPath, ['--import', here('node20.mjs'), here(SUITE), ...words], { stdio });
  return new Promise((resolve) => child.on('close', resolve));
}

/** Each check of each scenario with its outcome: `server-<scenario>-<time>/checks.json` is how the suite keeps them. */
function outcomes(results) {
  return readdirSync(results).flatMap((folder) => {
    const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    const checks = JSON.parse(readFileSync(join(results, folder, 'checks.json'), 'utf8'));
    return checks.map(({ id, status, errorMessage }) => ({ name: `${scenario}/${id}`, status, errorMessage }));
  });
}

await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const expected = new Set(JSON.parse(readFileSync(here('expected-failures.json'), 'utf8')).flatMap((one) => one.checks));
const failures = new Map();
let passed = 0;
for (const revision of REVISIONS) {
  const results = here(`results-${revision}`);
  rmSync(results, { recursive: true, force: true });
  await run(revision, results, proxy.address().port);
  const found = outcomes(results);
  console.log(`MCP conformance, what revision ${revision} requires: ${found.length} checks`);
  for (const { name, status, errorMessage } of found) {
    if (status === 'SUCCESS') passed += 1;
    // What the suite only warns of counts as well: it is a `SHOULD` of the specification.
    if (status === 'FAILURE' || status === 'WARNING') failures.set(name, errorMessage);
  }
}
proxy.close();

const unexpected = [...failures.keys()].filter((name) => !expected.has(name));
const mended = [...expected].filter((name) => !failures.has(name));
for (const name of unexpected) console.log(`FAIL ${name}: ${failures.get(name)}`);
for (const name of mended) console.log(`FAIL ${name} passes or is gone: take it out of expected-failures.json`);
console.log(`${passed} checks passed, ${expected.size} do not apply, ${unexpected.length + mended.length} failed`);
process.exitCode = unexpected.length + mended.length > 0 ? 1 : 0;
