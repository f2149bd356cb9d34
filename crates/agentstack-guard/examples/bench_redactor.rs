//! What scrubbing a log line costs, and whether ten times the text takes ten times as long, whatever it is.
//!
//! `cargo run --release -p agentstack-guard --example bench_redactor`

use std::hint::black_box;
use std::time::{Duration, Instant};

use agentstack_core::{Secret, hex};
use agentstack_guard::Redactor;

const LINE: &str = "2026-03-12T09:14:03.123456Z  INFO agentstack::call: call operation=\"memory_search\" \
principal=token:ci outcome=\"ok\" reason=\"permitted\" duration_us=412 request=01983b2e-5c00-7abc-8def-0123456789ab";

const JSON: &str = "{\"timestamp\":\"2026-03-12T09:14:03.123456Z\",\"level\":\"INFO\",\"fields\":{\"message\":\"call\",\
\"operation\":\"memory_search\",\"principal\":\"token:ci\",\"outcome\":\"ok\",\"reason\":\"permitted\",\"duration_us\":412,\
\"request\":\"01983b2e-5c00-7abc-8def-0123456789ab\"},\"target\":\"agentstack::call\"}";

/// Texts that lead a careless search to read the same bytes over and over. The secrets below are of `a` and `ab`.
const HOSTILE: &[(&str, &str)] = &[
    ("lines", LINE),
    ("one letter", "a"),
    ("two letters", "ab"),
    ("base 64 of one letter", "YWFh"),
    ("hex of one letter", "61"),
    ("percent-encoded", "%61"),
    ("escaped", "\\u0061"),
    ("backslashes", "\\"),
    ("quotes", "\""),
    ("quoted passwords", "\"password\":\"a1b2C3d4\","),
    ("PEM beginnings", "-----BEGIN PRIVATE KEY-----\nAAAA"),
    ("JWT beginnings", "eyJhbGciOiJIUzI1NiJ9.ey"),
];

fn main() {
    let none = Redactor::default();
    let some = Redactor::default();
    for number in 0..20_u8 {
        some.know(&Secret::new(format!("sk-ant-api03-{}", hex::encode(&[number ^ 0x5a; 40]))));
    }
    let started = Instant::now();
    some.know(&Secret::new("the twenty-first of them".to_owned()));
    print(&format!("to know one more than 20: {} µs", started.elapsed().as_micros()));
    let with_secret = LINE.replace("token:ci", &format!("sk-ant-api03-{}", hex::encode(&[0x5a; 40])));
    for (name, redactor) in [("nothing", &none), ("21 secrets", &some)] {
        let text = median(|| redactor.scrub(LINE).len());
        let json = median(|| redactor.scrub_json(JSON).len());
        let found = median(|| redactor.scrub(&with_secret).len());
        print(&format!(
            "knowing {name}: a line {text:.2} µs, of JSON {json:.2} µs, with a key in it {found:.2} µs"
        ));
    }
    let periodic = Redactor::default();
    for unit in ["a", "ab"] {
        periodic.know(&Secret::new(format!("{}#", unit.repeat(500))));
        periodic.know(&Secret::new(unit.repeat(500)));
    }
    for (name, unit) in HOSTILE {
        for (what, scrub) in [
            ("text", (|redactor, text| redactor.scrub(text).len()) as fn(&Redactor, &str) -> usize),
            ("JSON", |redactor, text| redactor.scrub_json(text).len()),
        ] {
            let [small, large] = [100_000, 1_000_000].map(|bytes| {
                let text = unit.repeat(bytes / unit.len());
                (0..3).map(|_| once(&|| scrub(&periodic, &text))).min().unwrap_or_default().as_secs_f64()
            });
            let (ratio, large) = (large / small, large * 1_000.0);
            print(&format!("{name} as {what}: 1 MB {large:.1} ms, ratio to 100 kB {ratio:.1}"));
        }
    }
}

/// In microseconds.
fn median(call: impl Fn() -> usize) -> f64 {
    let mut times: Vec<Duration> = (0..20_000).map(|_| once(&call)).collect();
    times.sort_unstable();
    times.get(10_000).map_or(0.0, |time| time.as_secs_f64() * 1_000_000.0)
}

fn once(call: &impl Fn() -> usize) -> Duration {
    let started = Instant::now();
    black_box(call());
    started.elapsed()
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn print(line: &str) {
    println!("{line}");
}
