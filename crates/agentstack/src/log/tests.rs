//! Tests of what a process prints: each is run once more, in a process of its own.

use std::process::Command;

use agentstack_core::Secret;
use serde_json::Value;

use super::*;

/// Says to the test that it is the process that is looked at, and how its log lines are to look.
const FORMAT: &str = "AGENTSTACK_TEST_LOG_FORMAT";

/// One that only who was told of it can find, with what formats escape.
const KNOWN: &str = "canary \"of\" a\\key\n/with+everything";

/// In parts, so that nobody takes this file for a leak.
const SHAPED: &str = concat!("sk-ant", "-api03-cnryq8Zr2Lm5Xw9Tb4Vn7Kc1q8Zr2Lm5Xw9Tb4Vn7Kc1");

/// Everything that a program could get wrong.
fn print_secrets(format: LogFormat) {
    init_logging(LevelFilter::INFO, format);
    scrub_panics();
    redactor().know(&Secret::new(KNOWN.to_owned()));
    let _span = tracing::info_span!("request", key = KNOWN, shaped = SHAPED).entered();
    tracing::info!(error = ?Some(KNOWN), "the provider said: {KNOWN} {SHAPED}");
    tracing::warn!(error = %format!("{KNOWN:?}"), shaped = SHAPED, "nested");
    log_error(&format!("{:?}", serde_json::json!({ KNOWN: SHAPED })));
    let other = std::thread::Builder::new().name("other".to_owned());
    let other = other.spawn(|| panic!("there was {KNOWN:?} and {KNOWN} and {SHAPED}, after all"));
    assert!(other.unwrap().join().is_err(), "the process goes on");
    tracing::info!("after it");
}

/// What the test of this name prints in a process of its own.
#[expect(clippy::disallowed_methods, reason = "a test runs itself")]
fn printed(test: &str, format: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FORMAT, format).env("RUST_BACKTRACE", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn s40_neither_log_lines_nor_panics_of_a_process_have_a_secret() {
    #[expect(clippy::disallowed_methods, reason = "a test runs itself")]
    match std::env::var_os(FORMAT) {
        Some(format) if format == "json" => return print_secrets(LogFormat::Json),
        Some(_) => return print_secrets(LogFormat::Text),
        None => {}
    }
    let this = "log::tests::s40_neither_log_lines_nor_panics_of_a_process_have_a_secret";
    for format in ["text", "json"] {
        let printed = printed(this, format);
        for trace in ["canary", "with+everything", "a\\key", "cnryq8"] {
            assert!(!printed.contains(trace), "{trace} in {printed}");
        }
        // All was said but for that, and where it happened.
        for said in ["the provider said: [redacted] [redacted:secret-anthropic-key]", "nested", "after it"] {
            assert!(printed.contains(said), "{said} in {printed}");
        }
        assert!(
            printed.contains("thread 'other' panicked at crates/agentstack/src/log/tests.rs:"),
            "{printed}"
        );
        assert!(printed.contains("and [redacted:secret-anthropic-key], after all"), "{printed}");
        assert!(printed.contains("print_secrets"), "the backtrace in {printed}");
        let objects = printed.lines().filter(|line| line.starts_with('{'));
        let read =
            objects.map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
        assert_eq!(read.count(), if format == "json" { 4 } else { 0 });
    }
}
