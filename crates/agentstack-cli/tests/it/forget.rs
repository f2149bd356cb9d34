//! What is forgotten, and what proves it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::Workplace;
use crate::plugin::Mcp;

#[test]
fn what_is_forgotten_is_gone_and_the_receipt_proves_it() {
    let workplace = Workplace::new();
    let mut mcp = Mcp::start(&workplace);
    let session = mcp.session();
    let stored = json!({ "sessionId": session, "namespace": "team", "key": "k", "content": "words" });
    mcp.call("memory_store", &stored);
    let user = workplace.expect(&["audit", "query", "--operation", "memory_store"], 0);
    let user = user.split('"').nth(1).unwrap().to_owned();
    let asked = ["memory", "forget", "--principal", &user];
    let nobody = workplace.expect(&asked, 3);
    assert!(nobody.contains("nobody can be asked here: say --yes"), "{nobody}");
    let would = workplace.expect(&[&asked[..], &["--dry-run"]].concat(), 0);
    assert!(would.starts_with("1 versions, 1 sessions, ") && would.contains("would be deleted"), "{would}");
    let done = workplace.expect(&[&asked[..], &["--yes", "--receipt", "receipt"]].concat(), 0);
    assert!(done.contains("1 versions, 1 sessions, ") && done.contains("are deleted"), "{done}");
    let path = workplace.path().join("receipt");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let gone = mcp.call("memory_get", &json!({ "key": "k", "namespace": "team", "sessionId": session }));
    assert_eq!(gone["result"]["structuredContent"]["error"]["code"], "not_found", "its session has ended");
    mcp.close();
    let held: Value = serde_json::from_str(&workplace.expect(&["--json", "db", "check"], 0)).unwrap();
    assert_eq!((&held["holds"]["entries"], &held["holds"]["sessions"]), (&json!(0), &json!(0)));
    // The log goes on, and has it still.
    workplace.expect(&["db", "rekey"], 0);
    let proven = workplace.expect(&["audit", "verify", "--receipt", "receipt"], 0);
    assert!(proven.contains("The receipt of quarantine_forget_origin at "), "{proven}");
    let receipt = fs::read_to_string(&path).unwrap();
    fs::write(&path, receipt.replace("\\\"versions\\\":1", "\\\"versions\\\":2")).unwrap();
    let changed = workplace.expect(&["audit", "verify", "--receipt", "receipt"], 3);
    assert!(changed.contains("it was changed"), "{changed}");
    // Another log does not have it.
    fs::write(&path, receipt).unwrap();
    fs::remove_dir_all(workplace.path().join("data")).unwrap();
    workplace.expect(&["quickstart"], 0);
    let elsewhere = workplace.expect(&["audit", "verify", "--receipt", "receipt"], 1);
    assert!(elsewhere.contains("is not the one that the receipt is for"), "{elsewhere}");
}
