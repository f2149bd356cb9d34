// Builds the example plugins: node build.mjs <folder of the crate> <folder for the components>.
//
// The compiler for C is clang, itself compiled to WebAssembly: it writes the same bytes on every machine.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { componentEmbed, componentNew } from "@bytecodealliance/jco";
import { commands } from "@yowasp/clang";

const [crate, output] = process.argv.slice(2).map((folder) => resolve(folder));
const wit = join(crate, "wit");
mkdirSync(output, { recursive: true });

// What of the module nobody needs to run it.
const FLAGS = [
  "--target=wasm32-unknown-unknown", "-std=c17", "-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror",
  "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=65536",
];

async function fromC(name) {
  const folder = join(crate, "examples", name);
  const source = (file) => readFileSync(join(folder, file), "utf8");
  const files = { "plugin.c": source("plugin.c"), "agentstack.h": source("agentstack.h") };
  const made = await commands.clang([...FLAGS, "plugin.c", "-o", "plugin.wasm"], files, { fetchProgress: () => {} });
  const embedded = await componentEmbed({
    binary: made["plugin.wasm"],
    witSource: readFileSync(join(wit, "plugin.wit"), "utf8"),
    worldName: "plugin",
  });
  writeFileSync(join(output, `${name}.wasm`), await componentNew(embedded, []));
}

function fromJavaScript(name) {
  const jco = join(dirname(createRequire(import.meta.url).resolve("@bytecodealliance/jco")), "jco.js");
  execFileSync(process.execPath, [
    jco, "componentize", join(crate, "examples", name, "plugin.js"), "--wit", wit, "--world-name", "plugin",
    "--backend", "quickjs", "--backend-qjs-disable-async", "--backend-qjs-stub-wasi",
    "--out", join(output, `${name}.wasm`),
  ], { stdio: "inherit" });
}

await fromC("word-statistics");
fromJavaScript("fetcher");
fromJavaScript("template");
