//! What a component asks for arrives as it said it, and what is answered arrives as it was said.

use std::sync::Arc;

use agentstack_plugins::{
    Asked, CallLimits, CallProblem, HttpMethod, LogLevel, PluginCall, PluginEntry, PluginRequest,
    PluginResponse, Refusal,
};

use crate::guest::asking;
use crate::world::{Fake, Question, call, load};

/// Says what the union of `refusal` and of what was asked for begins with: the tags.
const TAGS: &str = "
    (call $say_number (i64.load8_u (i32.const 1024)))
    (call $say_number (i64.load8_u (i32.const 1028)))";

/// A component that runs these instructions, where `$t` and `$tn` is the tool and `$a` and `$an` are the arguments.
fn running(instructions: &str) -> Vec<u8> {
    asking(&format!(
        r#"(func (export "call") (param $t i32) (param $tn i32) (param $a i32) (param $an i32) (result i32)
            {instructions}
            (call $said))"#
    ))
}

async fn ask(component: Vec<u8>, tool: &str, arguments: &str, services: &Arc<Fake>) -> String {
    let (tool, arguments) = (tool.to_owned(), arguments.to_owned());
    let call = PluginCall { tool, arguments, ..call(CallLimits::default(), services) };
    load(component).await.call(call).await.unwrap()
}

fn entry(key: &str, content: &str, version: u32, trusted: bool) -> PluginEntry {
    PluginEntry { key: key.to_owned(), content: content.to_owned(), version, trusted }
}

/// `$a` is the shared place; none means the session's own.
fn getting() -> Vec<u8> {
    running(&format!(
        "(call $memory_get (i32.ne (local.get $an) (i32.const 0)) (local.get $a) (local.get $an)
            (local.get $t) (local.get $tn) (i32.const 1024))
        {TAGS}
        (call $say_at (i32.const 1032))
        (call $say_at (i32.const 1040))
        (call $say_number (i64.load32_u (i32.const 1048)))
        (call $say_number (i64.load8_u (i32.const 1052)))"
    ))
}

#[tokio::test]
async fn an_entry_is_read() {
    let entry = Ok(Some(entry("key ✓", "Zürich\n", 4_294_967_295, true)));
    let services = Arc::new(Fake { entry, ..Fake::default() });
    assert_eq!(ask(getting(), "kéy", "", &services).await, "0|1|key ✓|Zürich\n|4294967295|1|");
    ask(getting(), "kéy", "team-notes", &services).await;
    let session = Question::Get(Asked::Session, "kéy".to_owned());
    let shared = Question::Get(Asked::Shared("team-notes".to_owned()), "kéy".to_owned());
    assert_eq!(services.asked(), [session, shared]);
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_none() {
    let services = Arc::new(Fake::default());
    assert!(ask(getting(), "key", "", &services).await.starts_with("0|0|"));
}

#[tokio::test]
async fn a_refusal_says_which() {
    for (refusal, expected) in [
        (Refusal::Denied, "1|0|"),
        (Refusal::Invalid("a rule".to_owned()), "1|1|a rule|"),
        (Refusal::Unavailable, "1|2|"),
    ] {
        let services = Arc::new(Fake { entry: Err(refusal.clone()), ..Fake::default() });
        let answer = ask(getting(), "key", "", &services).await;
        assert!(answer.starts_with(expected), "{refusal}: {answer}");
    }
}

#[tokio::test]
async fn entries_are_searched() {
    let entries = Ok(vec![entry("one", "first", 1, false), entry("two", "second", 2, true)]);
    let services = Arc::new(Fake { entries, ..Fake::default() });
    let component = running(
        "(local $e i32)
        (call $memory_search (i32.const 1) (local.get $a) (local.get $an)
            (local.get $t) (local.get $tn) (i32.const 4000000000) (i32.const 1024))
        (call $say_number (i64.load8_u (i32.const 1024)))
        (call $say_number (i64.load32_u (i32.const 1032)))
        (local.set $e (i32.load (i32.const 1028)))
        (call $say_at (local.get $e))
        (call $say_at (i32.add (local.get $e) (i32.const 8)))
        (call $say_number (i64.load8_u offset=20 (local.get $e)))
        (local.set $e (i32.add (local.get $e) (i32.const 24)))
        (call $say_at (local.get $e))
        (call $say_number (i64.load32_u offset=16 (local.get $e)))
        (call $say_number (i64.load8_u offset=20 (local.get $e)))",
    );
    assert_eq!(ask(component, "what?", "notes", &services).await, "0|2|one|first|0|two|2|1|");
    let place = Asked::Shared("notes".to_owned());
    assert_eq!(services.asked(), [Question::Search(place, "what?".to_owned(), 4_000_000_000)]);
}

#[tokio::test]
async fn an_entry_is_stored() {
    let services = Arc::new(Fake { version: Ok(7), ..Fake::default() });
    let component = running(
        "(call $memory_store (i32.const 0) (i32.const 0) (i32.const 0)
            (local.get $t) (local.get $tn) (local.get $a) (local.get $an) (i32.const 1024))
        (call $say_number (i64.load8_u (i32.const 1024)))
        (call $say_number (i64.load32_u (i32.const 1028)))",
    );
    assert_eq!(ask(component, "key", "content", &services).await, "0|7|");
    let stored = Question::Store(Asked::Session, "key".to_owned(), "content".to_owned());
    assert_eq!(services.asked(), [stored]);
}

#[tokio::test]
async fn a_host_is_asked() {
    let headers = vec![("etag".to_owned(), "1".to_owned()), ("via".to_owned(), "x".to_owned())];
    let response = Some(Ok(PluginResponse { status: 404, headers, body: b"not there".to_vec() }));
    let services = Arc::new(Fake { response, ..Fake::default() });
    // One header, `<tool>: <arguments>`, whose pair stands at 512.
    let fetching = |method: &str, body: &str| {
        running(&format!(
            "(i32.store (i32.const 512) (local.get $t))
            (i32.store (i32.const 516) (local.get $tn))
            (i32.store (i32.const 520) (local.get $a))
            (i32.store (i32.const 524) (local.get $an))
            (call $http_fetch (i32.const {method}) (local.get $a) (local.get $an)
                (i32.const 512) (i32.const 1) {body} (i32.const 1024))
            (call $say_number (i64.load8_u (i32.const 1024)))
            (call $say_number (i64.load16_u (i32.const 1028)))
            (call $say_number (i64.load32_u (i32.const 1036)))
            (call $say_at (i32.load (i32.const 1032)))
            (call $say_at (i32.add (i32.load (i32.const 1032)) (i32.const 24)))
            (call $say_at (i32.const 1040))"
        ))
    };
    let methods = ["Get", "Post", "Put", "Patch", "Delete"];
    let kinds = [HttpMethod::Get, HttpMethod::Post, HttpMethod::Put, HttpMethod::Patch, HttpMethod::Delete];
    let url = "https://example.com/a?b=ü";
    let header = ("accept".to_owned(), url.to_owned());
    for (index, (name, method)) in methods.iter().zip(kinds).enumerate() {
        let (body, sent) = match method {
            HttpMethod::Get => ("(i32.const 0) (i32.const 0) (i32.const 0)", None),
            // Bytes that are no text: the four of the number 0xff00fe01, lowest first.
            _ => (
                "(i32.const 1)
                (block (result i32) (i32.store (i32.const 600) (i32.const 0xff00fe01)) (i32.const 600))
                (i32.const 4)",
                Some(vec![1, 0xfe, 0, 0xff]),
            ),
        };
        let answer = ask(fetching(&index.to_string(), body), "accept", url, &services).await;
        assert_eq!(answer, "0|404|2|etag|x|not there|", "{name}");
        let expected =
            PluginRequest { method, url: url.to_owned(), headers: vec![header.clone()], body: sent };
        assert_eq!(services.asked().last(), Some(&Question::Fetch(expected)), "{name}");
    }
}

#[tokio::test]
async fn a_setting_is_read() {
    let component = || {
        running(&format!(
            "(call $config_get (local.get $t) (local.get $tn) (i32.const 1024))
            {TAGS}
            (call $say_at (i32.const 1032))"
        ))
    };
    let set = Arc::new(Fake { setting: Ok(Some("a value".to_owned())), ..Fake::default() });
    assert_eq!(ask(component(), "apiKey", "", &set).await, "0|1|a value|");
    assert_eq!(set.asked(), [Question::Config("apiKey".to_owned())]);
    let unset = Arc::new(Fake::default());
    assert!(ask(component(), "apiKey", "", &unset).await.starts_with("0|0|"));
    let denied = Arc::new(Fake { setting: Err(Refusal::Denied), ..Fake::default() });
    assert!(ask(component(), "apiKey", "", &denied).await.starts_with("1|0|"));
}

#[tokio::test]
async fn lines_are_logged_at_their_levels() {
    let services = Arc::new(Fake::default());
    let lines =
        (0..4).map(|level| format!("(call $log_write (i32.const {level}) (local.get $a) (local.get $an))"));
    let component = running(&lines.collect::<String>());
    ask(component, "tool", "a line\n✓", &services).await;
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    let expected = levels.map(|level| Question::Log(level, "a line\n✓".to_owned()));
    assert_eq!(services.asked(), expected);
}

#[tokio::test]
async fn the_time_is_whole_seconds() {
    let services = Arc::new(Fake::default());
    let component = running("(call $say_number (call $clock_now))");
    assert_eq!(ask(component, "tool", "", &services).await, "1768464000|");
}

#[tokio::test]
async fn the_tool_and_its_arguments_arrive_and_a_failure_is_in_the_plugins_words() {
    let component = asking(
        r#"(func (export "call") (param $t i32) (param $tn i32) (param $a i32) (param $an i32) (result i32)
            (call $fail (local.get $a) (local.get $an)))"#,
    );
    let services = Arc::new(Fake::default());
    let plugin = load(component).await;
    let failing = |arguments: &str| PluginCall {
        arguments: arguments.to_owned(),
        ..call(CallLimits::default(), &services)
    };
    let failed = |text: &str| Err(CallProblem::Failed(text.to_owned()));
    assert_eq!(plugin.call(failing("no such città")).await, failed("no such città"));
    let long = "é".repeat(501);
    assert_eq!(plugin.call(failing(&long)).await, failed(&format!("{}…", "é".repeat(500))));
}
