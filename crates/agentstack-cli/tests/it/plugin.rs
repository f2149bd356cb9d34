//! A plugin from its source to a call, and out of the way again: with the binaries, as its author, its operator and its
//! user would.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Workplace;

/// The example whose component is kept in the repository.
const EXAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../agentstack-plugins-wasm/examples/word-statistics/plugin.json");
const COMPONENT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../agentstack-plugins-wasm/tests/fixtures/word-statistics.wasm");

/// The MCP server, and a client of it.
pub(crate) struct Mcp {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Mcp {
    pub(crate) fn start(workplace: &Workplace) -> Self {
        Self::start_with(workplace, None)
    }

    /// The server for the holder of a token.
    pub(crate) fn with_token(workplace: &Workplace, token: &str) -> Self {
        Self::start_with(workplace, Some(token))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn start_with(workplace: &Workplace, token: Option<&str>) -> Self {
        let server = Path::new(env!("CARGO_BIN_EXE_agentstack")).with_file_name("agentstack-mcp");
        assert!(server.is_file(), "{} is missing: run `cargo build --workspace` first", server.display());
        let mut child = Command::new(server)
            .current_dir(workplace.path())
            .env_clear()
            .env("XDG_CONFIG_HOME", workplace.path().join("home"))
            .envs(token.map(|token| ("AGENTSTACK_TOKEN", token)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut mcp = Self { child, input, output, asked: 0 };
        let client = json!({ "name": "test", "version": "1" });
        mcp.ask(
            "initialize",
            &json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client }),
        );
        writeln!(mcp.input, "{}", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .unwrap();
        mcp
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": parameters });
        writeln!(self.input, "{request}").unwrap();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has ended");
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == self.asked {
                return answer;
            }
        }
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }))
    }

    /// The tools of plugins.
    fn tools(&mut self) -> Vec<String> {
        let listed = self.ask("tools/list", &json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap();
        let names = tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with("word-statistics_")).collect()
    }

    pub(crate) fn session(&mut self) -> String {
        let started = self.call("session_start", &json!({}));
        started["result"]["structuredContent"]["session"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn close(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

fn configure(workplace: &Workplace, plugins: &Value) {
    let folder = workplace.path().join("home/agentstack");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.join("config.json"), json!({ "plugins": plugins }).to_string()).unwrap();
}

/// The plugin's folder, in this version.
fn source(workplace: &Workplace, version: &str) -> PathBuf {
    let folder = workplace.path().join("word-statistics");
    fs::create_dir_all(&folder).unwrap();
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(EXAMPLE).unwrap()).unwrap();
    manifest["version"] = json!(version);
    fs::write(folder.join("plugin.json"), manifest.to_string()).unwrap();
    fs::copy(COMPONENT, folder.join("plugin.wasm")).unwrap();
    for file in ["plugin.json", "plugin.wasm"] {
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let _ = fs::remove_file(folder.join("plugin.minisig"));
    folder
}

/// Makes a key; returns the public one.
fn keygen(workplace: &Workplace, name: &str) -> String {
    fs::write(workplace.path().join("password"), "correct horse\n").unwrap();
    let made = workplace.expect(&["--json", "plugin", "keygen", name, "--password-file", "password"], 0);
    let made: Value = serde_json::from_str(&made).unwrap();
    let bits = |name: &str| fs::metadata(workplace.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((bits(name), bits(&format!("{name}.pub"))), (0o600, 0o644));
    made["publicKey"].as_str().unwrap().to_owned()
}

fn sign(workplace: &Workplace, key: &str) {
    workplace.expect(&["plugin", "sign", "word-statistics", "--key", key, "--password-file", "password"], 0);
}

/// A workplace with a database, a key `team.key` that is trusted, and plugins on.
fn workplace() -> (Workplace, String) {
    let workplace = Workplace::new();
    let public = keygen(&workplace, "team.key");
    configure(&workplace, &json!({ "enabled": true, "trustedKeys": [public] }));
    Mcp::start(&workplace).close();
    (workplace, public)
}

/// A workplace with the plugin installed.
pub(crate) fn with_plugin() -> Workplace {
    let (workplace, _) = workplace();
    source(&workplace, "1.0.0");
    sign(&workplace, "team.key");
    workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 0);
    workplace
}

#[test]
fn s48_a_plugin_is_signed_installed_called_disabled_and_removed() {
    let (workplace, _) = workplace();
    source(&workplace, "1.0.0");
    sign(&workplace, "team.key");
    let shown = workplace.expect(&["plugin", "verify", "word-statistics"], 0);
    assert!(shown.contains("asks for: read entries of the session it is called in"), "{shown}");
    // Nobody can be asked here, so something has to say what is granted.
    let refused = workplace.expect(&["plugin", "install", "word-statistics"], 3);
    assert!(refused.contains("--grant-all"), "{refused}");
    assert_eq!(workplace.expect(&["plugin", "list"], 0), "");
    let installed = workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 0);
    assert!(installed.contains("Installed word-statistics 1.0.0."), "{installed}");
    assert!(
        workplace.expect(&["plugin", "list"], 0).starts_with("word-statistics 1.0.0  enabled  signed by ")
    );

    let mut mcp = Mcp::start(&workplace);
    assert_eq!(mcp.tools(), ["word-statistics_of_entry", "word-statistics_of_search"]);
    let session = mcp.session();
    let content = "the quick brown fox and the lazy dog";
    mcp.call("memory_store", &json!({ "sessionId": session, "key": "fox", "content": content }));
    let call = json!({ "sessionId": session, "key": "fox", "top": 1 });
    let answer = mcp.call("word-statistics_of_entry", &call)["result"]["structuredContent"].clone();
    assert_eq!(answer["result"]["words"], 8, "{answer}");
    assert_eq!(answer["result"]["frequent"], json!([{ "word": "the", "count": 2 }]));
    assert_eq!(answer["label"]["trust"], "unverified");
    assert_eq!(answer["label"]["origin"]["principal"], "plugin:word-statistics@1.0.0");
    // The session is the caller's, or none; and an argument that the tool does not take is refused.
    let foreign = json!({ "sessionId": "01983b2e-5c00-7000-8000-000000000001", "key": "fox" });
    let refused = mcp.call("word-statistics_of_entry", &foreign);
    assert_eq!(refused["result"]["structuredContent"]["error"]["code"], "not_found");
    let odd = mcp.call("word-statistics_of_entry", &json!({ "sessionId": session, "key": "fox", "odd": 1 }));
    assert_eq!(odd["result"]["structuredContent"]["error"]["code"], "invalid_input");
    let without = mcp.call("word-statistics_of_entry", &json!({ "key": "fox" }));
    assert_eq!(without["result"]["structuredContent"]["error"]["field"], "sessionId");

    // What another process says holds from the next call on.
    assert!(workplace.expect(&["plugin", "disable", "word-statistics"], 0).starts_with("Disabled."));
    assert_eq!(mcp.call("word-statistics_of_entry", &call)["error"]["code"], -32602);
    assert_eq!(mcp.tools(), Vec::<String>::new());
    workplace.expect(&["plugin", "enable", "word-statistics"], 0);
    assert!(mcp.call("word-statistics_of_entry", &call)["result"]["structuredContent"]["result"].is_object());
    let shown = workplace.expect(&["plugin", "show", "word-statistics"], 0);
    assert!(shown.contains("last loaded") && shown.contains("tool word-statistics_of_entry"), "{shown}");
    workplace.expect(&["plugin", "remove", "word-statistics", "--yes"], 0);
    assert_eq!(mcp.call("word-statistics_of_entry", &call)["error"]["code"], -32602);
    mcp.close();
    assert!(!workplace.path().join("plugins/word-statistics").exists(), "its files go with it");
    workplace.expect(&["plugin", "show", "word-statistics"], 1);
    assert!(workplace.expect(&["audit", "verify"], 0).starts_with("The audit log is intact: "));
}

#[test]
fn s48_what_is_not_signed_as_it_is_by_who_is_trusted_is_not_installed() {
    let (workplace, public) = workplace();
    let folder = source(&workplace, "1.0.0");
    let refused = workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 1);
    assert!(refused.contains("is not signed"), "{refused}");
    let other = keygen(&workplace, "other.key");
    sign(&workplace, "other.key");
    let refused = workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 1);
    assert!(refused.contains("is not trusted"), "{refused}");
    sign(&workplace, "team.key");
    let mut component = fs::read(folder.join("plugin.wasm")).unwrap();
    *component.last_mut().unwrap() ^= 1;
    fs::write(folder.join("plugin.wasm"), component).unwrap();
    let refused = workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 1);
    assert!(refused.contains("a file was changed"), "{refused}");
    assert!(workplace.expect(&["plugin", "verify", "word-statistics"], 1).starts_with("Not verified: "));
    source(&workplace, "1.1.0");
    sign(&workplace, "team.key");
    workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 0);
    source(&workplace, "1.0.0");
    sign(&workplace, "team.key");
    let refused = workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 1);
    assert!(refused.contains("1.1.0 is installed, which is higher"), "{refused}");

    // A key that was revoked: what it has signed is loaded no more, though it is installed.
    configure(
        &workplace,
        &json!({ "enabled": true, "trustedKeys": [public, other], "revokedKeys": [public] }),
    );
    let mut mcp = Mcp::start(&workplace);
    assert_eq!(mcp.tools(), Vec::<String>::new());
    let session = mcp.session();
    let call = mcp.call("word-statistics_of_entry", &json!({ "sessionId": session, "key": "fox" }));
    assert_eq!(call["result"]["structuredContent"]["error"]["code"], "unavailable");
    mcp.close();
    assert!(workplace.expect(&["plugin", "show", "word-statistics"], 0).contains("which was revoked"));
    // Off, it is as if there were none.
    configure(&workplace, &json!({ "trustedKeys": [public] }));
    let mut mcp = Mcp::start(&workplace);
    assert_eq!(mcp.tools(), Vec::<String>::new());
    assert_eq!(mcp.call("word-statistics_of_entry", &json!({}))["error"]["code"], -32602);
    mcp.close();
}

#[test]
fn s48_files_that_changed_after_the_installation_are_not_loaded() {
    let (workplace, _) = workplace();
    source(&workplace, "1.0.0");
    sign(&workplace, "team.key");
    workplace.expect(&["plugin", "install", "word-statistics", "--grant-all"], 0);
    let kept = fs::read_dir(workplace.path().join("plugins/word-statistics"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept), mode(&kept.join("plugin.wasm"))), (0o700, 0o600));
    let manifest = fs::read_to_string(kept.join("plugin.json")).unwrap();
    fs::write(kept.join("plugin.json"), manifest.replace("Counts words", "Counts Words")).unwrap();
    let mut mcp = Mcp::start(&workplace);
    assert_eq!(mcp.tools(), Vec::<String>::new());
    mcp.close();
    assert!(workplace.expect(&["plugin", "show", "word-statistics"], 0).contains("cannot be loaded: "));
    // To install it again mends it.
    workplace.expect(&["plugin", "install", "word-statistics", "--yes"], 0);
    let mut mcp = Mcp::start(&workplace);
    assert_eq!(mcp.tools().len(), 2);
    mcp.close();
}

#[test]
fn a_key_is_not_overwritten_and_opens_with_its_password_only() {
    let workplace = Workplace::new();
    keygen(&workplace, "team.key");
    let again = workplace.expect(&["plugin", "keygen", "team.key", "--password-file", "password"], 3);
    assert!(again.contains("is there already"), "{again}");
    source(&workplace, "1.0.0");
    fs::write(workplace.path().join("password"), "wrong\n").unwrap();
    let sign = ["plugin", "sign", "word-statistics", "--key", "team.key", "--password-file", "password"];
    assert!(workplace.expect(&sign, 3).contains("the password is not that of the secret key"));
    assert!(workplace.expect(&sign[..5], 3).contains("--password-file"), "nobody can be asked");
    assert!(!workplace.path().join("word-statistics/plugin.minisig").exists());
}
