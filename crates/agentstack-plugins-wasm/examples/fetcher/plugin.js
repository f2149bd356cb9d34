// Fetches a page and says what is in it; what it was asked to keep, it stores in the memory of the session.
//
// It reaches the hosts that the operator granted and no others: the product looks at every address.

import { fetch } from "agentstack:plugin/http@1.0.0";
import { store } from "agentstack:plugin/memory@1.0.0";
import { write } from "agentstack:plugin/log@1.0.0";

const BODY_BYTES = 256 * 1024;
const EXCERPT_CHARACTERS = 2000;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

export function call(tool, json) {
  const { url, storeAs } = JSON.parse(json);
  const page = get(url);
  const answer = { status: page.status, contentType: page.contentType, title: "", excerpt: "", truncated: false };
  if (/\bhtml\b/.test(page.contentType)) {
    answer.title = cut(text(/<title[^>]*>([^]*?)<\/title/i.exec(page.body)?.[1] ?? ""), 200);
    answer.excerpt = text(page.body.replace(/<(script|style|title|noscript)\b[^]*?<\/\1\s*>/gi, " "));
  } else if (/^text\/|\bjson\b|\bxml\b/.test(page.contentType)) {
    answer.excerpt = page.body.trim();
  }
  answer.truncated = answer.excerpt.length > EXCERPT_CHARACTERS;
  answer.excerpt = cut(answer.excerpt, EXCERPT_CHARACTERS);
  if (storeAs !== undefined) {
    answer.storedVersion = refusable("store", () =>
      store({ tag: "session" }, storeAs, JSON.stringify({ url, title: answer.title, excerpt: answer.excerpt })));
  }
  return JSON.stringify(answer);
}

function get(url) {
  const headers = [["accept", "text/html, text/plain;q=0.9, application/json;q=0.8"]];
  const response = refusable("fetch", () => fetch({ method: "get", url, headers, body: undefined }));
  const contentType = response.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  write("info", `${response.status} ${url}`);
  return { status: response.status, contentType: cut(contentType, 200), body: utf8(response.body) };
}

// What comes back of a call of the product that may be refused; what is thrown becomes the error of our own call.
function refusable(what, ask) {
  try {
    return ask();
  } catch (error) {
    const { tag, val } = error.payload ?? {};
    throw tag === undefined ? String(error) : `${what}: ${tag === "invalid" ? val : tag}`;
  }
}

// The beginning of a body as a text; what is no UTF-8 becomes U+FFFD. QuickJS has no TextDecoder.
function utf8(body) {
  const bytes = body.subarray(0, BODY_BYTES);
  const scalars = [];
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at++];
    let more = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    let scalar = more > 0 ? lead & (0x3f >> more) : lead;
    for (; more > 0 && (bytes[at] & 0xc0) === 0x80; more--) scalar = (scalar << 6) | (bytes[at++] & 0x3f);
    const isScalar = more === 0 && scalar <= 0x10ffff && (scalar < 0xd800 || scalar > 0xdfff);
    scalars.push(isScalar ? scalar : 0xfffd);
  }
  let text = "";
  for (let at = 0; at < scalars.length; at += 1024) text += String.fromCodePoint(...scalars.slice(at, at + 1024));
  return text;
}

function text(html) {
  const plain = html.replace(/<!--[^]*?-->|<[^>]*>/g, " ").replace(/&(#?\w+);/g, (entity, name) => {
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : name[0] === "#" ? parseInt(name.slice(1), 10) : NaN;
    if (code > 0 && code <= 0x10ffff) return String.fromCodePoint(code);
    return NAMED[name] ?? entity;
  });
  return plain.replace(/\s+/g, " ").trim();
}

// Not more than so many characters, and no half of a pair at the end.
function cut(text, characters) {
  return text.slice(0, characters).replace(/[\ud800-\udbff]$/, "");
}
