//! Coming from the product before this one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentstack::{AgentStack, Caller, MasterKey, Options, Principal, Role, find_operation};
use agentstack_storage_sqlite::testing::{self, HOSTILE, MANY, V1_0, V1_6};
use serde_json::{Value, json};

use crate::Workplace;

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(work)
}

/// A workplace with a file of the other product.
fn with(scripts: &[&'static str]) -> Workplace {
    let workplace = Workplace::new();
    wait_for(testing::make(&workplace.path().join("old.db"), scripts)).unwrap();
    workplace
}

fn json_of(workplace: &Workplace, arguments: &[&str], code: i32) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&workplace.expect(&arguments, code)).unwrap()
}

/// The lines of a file of tokens: the session's name before, its id, and its token.
fn tokens(workplace: &Workplace, name: &str) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(workplace.path().join(name)).unwrap_or_default();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("sourceSessionId"), (text("sessionId"), text("resumeToken")))
    };
    text.lines().map(line).collect()
}

async fn ask(stack: &AgentStack, who: &Arc<Principal>, name: &str, arguments: Value) -> Value {
    let Value::Object(arguments) = arguments else { panic!() };
    let spec = find_operation(name).unwrap();
    let reply = stack.engine().dispatch(&Caller::new(Arc::clone(who)), spec, arguments).await;
    reply.unwrap_or_else(|error| panic!("{name}: {}", error.message())).to_value()
}

/// What lies in a namespace: entries with their ids, numbers, texts and histories, but for the times of the import.
async fn contents(stack: &AgentStack, who: &Arc<Principal>, place: Value) -> Vec<Value> {
    let (mut all, mut offset) = (vec![], 0);
    loop {
        let mut asked = place.clone();
        (asked["limit"], asked["offset"]) = (json!(100), json!(offset));
        let listed = ask(stack, who, "memory_list", asked).await;
        let entries = listed["entries"].as_array().unwrap().clone();
        if entries.is_empty() {
            break;
        }
        offset += entries.len();
        for entry in entries {
            let mut asked = place.clone();
            asked["key"] = entry["key"].clone();
            let history = ask(stack, who, "memory_history", asked).await;
            let versions = history["versions"].as_array().unwrap().iter();
            let versions: Vec<Value> = versions.map(|one| json!([one["version"], one["content"]])).collect();
            all.push(json!([
                entry["id"],
                entry["key"],
                entry["createdAt"],
                entry["label"]["trust"],
                versions
            ]));
        }
    }
    all.sort_by_key(ToString::to_string);
    all
}

/// All that was imported, as somebody finds it who has the tokens.
fn imported(workplace: &Workplace, tokens: &BTreeMap<String, (String, String)>) -> Value {
    let key = MasterKey::parse(fs::read_to_string(workplace.key()).unwrap().trim()).unwrap();
    let database = workplace.path().join("data/aistack.db");
    wait_for(async {
        let stack = AgentStack::open(Options::new(database, &key)).await.unwrap();
        let who = Arc::new(Principal::embedded("looker", Role::Developer));
        let mut all = json!({});
        let own = ask(&stack, &who, "session_start", json!({})).await["session"]["id"].clone();
        for namespace in ["default", "team", "team-1", "team-2"] {
            let place = json!({ "sessionId": own, "namespace": namespace });
            all[namespace] = json!(contents(&stack, &who, place).await);
        }
        for (name, (session, token)) in tokens {
            ask(&stack, &who, "session_start", json!({ "resumeToken": token })).await;
            let namespace = format!("session:{session}");
            let entries =
                contents(&stack, &who, json!({ "sessionId": session, "namespace": namespace })).await;
            let tasks = ask(&stack, &who, "task_list", json!({ "sessionId": session, "limit": 100 })).await;
            all[name] = json!([session, entries, tasks]);
        }
        let operator = Arc::new(AgentStack::operator());
        let identities = ask(&stack, &operator, "identity_list", json!({ "limit": 100 })).await;
        all["identities"] = identities;
        stack.close().await;
        all
    })
}

const IMPORT: [&str; 5] = ["db", "import", "old.db", "--resume-tokens", "tokens.jsonl"];

#[test]
fn a_database_is_made_and_the_file_imported() {
    let workplace = with(V1_6);
    let before = fs::read(workplace.path().join("old.db")).unwrap();
    workplace.expect(&["db", "import", "old.db", "--dry-run"], 3);
    assert!(!workplace.path().join("data").exists(), "a dry run makes nothing");
    let done = json_of(&workplace, &IMPORT, 0);
    insta::assert_json_snapshot!("imported", done);
    let file = workplace.path().join("tokens.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(tokens(&workplace, "tokens.jsonl").len(), 2);
    let there = imported(&workplace, &tokens(&workplace, "tokens.jsonl"));
    assert_eq!(there["default"].as_array().unwrap().len(), 1);
    assert_eq!(there["7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01"][1][0][4], json!([[1, "First the parser."]]));
    // Once more, and nothing is done twice.
    let again = json_of(&workplace, &IMPORT, 0);
    assert_eq!((&again["wasDone"], &again["taken"]), (&json!(true), &done["taken"]));
    let dry = json_of(&workplace, &["db", "import", "old.db", "--dry-run"], 0);
    assert_eq!(dry["taken"], json!({}));
    assert_eq!(fs::read(workplace.path().join("old.db")).unwrap(), before);
    let names: Vec<_> =
        fs::read_dir(workplace.path().join("data")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names.iter().filter(|name| name.to_string_lossy().contains("import-source")).count(), 0);
    workplace.expect(&["audit", "verify"], 0);
}

#[test]
fn a_person_is_told_what_was_taken_and_what_was_not_and_why() {
    let workplace = with(HOSTILE);
    workplace.expect(&["quickstart"], 0);
    let tried =
        workplace.expect(&["db", "import", "old.db", "--resume-tokens", "tokens.jsonl", "--dry-run"], 1);
    assert!(!workplace.path().join("tokens.jsonl").exists());
    let told = workplace.expect(&IMPORT, 1);
    insta::assert_snapshot!("told", told);
    let without_tense = |text: &str| text.replace("would be taken", "taken");
    assert_eq!(without_tense(&tried), told);
    for secret in ["AKIA", "nothing", "fine", "passwd", "canary"] {
        assert!(
            !told
                .replace("of which nothing is taken", "")
                .replace("which nothing else has", "")
                .contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn what_cannot_be_imported_is_exit_code_3_and_says_why() {
    let workplace = with(V1_0);
    workplace.expect(&["quickstart"], 0);
    fs::write(workplace.path().join("text.txt"), "no database").unwrap();
    fs::write(workplace.path().join("mine.txt"), "mine").unwrap();
    let ours = workplace.path().join("data/aistack.db");
    fs::copy(&ours, workplace.path().join("copy.db")).unwrap();
    std::os::unix::fs::symlink(&ours, workplace.path().join("link.db")).unwrap();
    for (arguments, words) in [
        (&["db", "import", "text.txt"][..], "not a SQLite database, or it is encrypted"),
        (&["db", "import", "data/aistack.db"], "is a database of AgentStack already"),
        (&["db", "import", "link.db"], "is a database of AgentStack already"),
        (&["db", "import", "copy.db"], "not a SQLite database, or it is encrypted"),
        (&["db", "import", "nowhere.db"], "cannot be read"),
        (&["db", "import", "data"], "not a plain file"),
        (&["db", "import", "old.db", "--resume-tokens", "nowhere/tokens"], "no folder"),
        (&["db", "import", "old.db", "--resume-tokens", "mine.txt"], "open to other users"),
        (&["db", "import", "old.db", "--owner", ""], "the name of an owner"),
    ] {
        let told = workplace.expect(arguments, 3);
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    fs::set_permissions(workplace.path().join("mine.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    let told = workplace.expect(&["db", "import", "old.db", "--resume-tokens", "mine.txt"], 3);
    assert!(told.contains("is there already"), "{told}");
    assert_eq!(fs::read_to_string(workplace.path().join("mine.txt")).unwrap(), "mine");
    workplace.expect(&["db", "import", "old.db", "--with-ended-sessions"], 2);
}

/// Starts the import and kills it after a while. Returns whether it had ended before.
fn killed_after(workplace: &Workplace, while_running: Duration) -> bool {
    let mut import = Command::new(env!("CARGO_BIN_EXE_agentstack"))
        .args(IMPORT)
        .current_dir(workplace.path())
        .env_clear()
        .env("XDG_CONFIG_HOME", workplace.path().join("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    loop {
        if let Some(status) = import.try_wait().unwrap() {
            assert!(status.success(), "it goes on after it was killed: {status}");
            return true;
        }
        if begun.elapsed() >= while_running {
            // SIGKILL: nothing is put in order.
            import.kill().unwrap();
            return import.wait().unwrap().success();
        }
        std::thread::yield_now();
    }
}

#[test]
fn an_import_that_is_killed_again_and_again_comes_to_the_same_end() {
    let undisturbed = with(MANY);
    let report = json_of(&undisturbed, &IMPORT, 0);
    let expected = imported(&undisturbed, &tokens(&undisturbed, "tokens.jsonl"));
    assert_eq!(report["taken"]["memory"], 2_500);

    let workplace = with(MANY);
    let (mut moment, mut kills) = (Duration::from_millis(5), 0);
    while !killed_after(&workplace, moment) {
        kills += 1;
        moment += Duration::from_millis(15);
    }
    assert!(kills >= 5, "it was killed {kills} times only");
    let again = json_of(&workplace, &IMPORT, 0);
    assert_eq!(again["wasDone"], true);
    for field in ["taken", "held", "refused", "leftOut", "otherTables"] {
        assert_eq!(again[field], report[field], "{field}");
    }
    assert_eq!(imported(&workplace, &tokens(&workplace, "tokens.jsonl")), expected);
    workplace.expect(&["audit", "verify"], 0);
}
