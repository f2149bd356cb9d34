//! What a `plugin.json` may say.

use agentstack_plugins::{InvalidManifest, Manifest, MemoryOperation, Mismatch, Place};
use serde_json::{Map, Value, json};

use crate::support::manifest;

fn parse(value: &Value) -> Result<Manifest, InvalidManifest> {
    Manifest::parse(value.to_string().as_bytes())
}

/// The field that is refused when `change` was made to a good manifest.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut value = manifest();
    change(&mut value);
    match parse(&value).unwrap_err() {
        InvalidManifest::Field { field, .. } | InvalidManifest::Schema { field, .. } => field,
        other => other.to_string(),
    }
}

#[test]
fn a_manifest_says_what_a_plugin_is() {
    let read = parse(&manifest()).unwrap();
    assert_eq!((read.name().as_str(), read.version().to_string().as_str()), ("greeter", "1.2.0"));
    assert_eq!(read.tools().len(), 1);
    let tool = read.tool(&"say_hello".parse().unwrap()).unwrap();
    assert_eq!(read.name().offered(tool.name()), "greeter_say_hello");
    assert!(read.tool(&"say_bye".parse().unwrap()).is_none());
    let asks = read.requests();
    assert!(asks.allow_memory(MemoryOperation::Store, &Place::Session));
    assert!(!asks.allow_memory(MemoryOperation::Search, &Place::Session));
    assert!(asks.allow_memory(MemoryOperation::Search, &Place::Shared("team-notes".parse().unwrap())));
    assert_eq!((asks.hosts().len(), asks.config().len()), (2, 1));
    assert_eq!((asks.limits().fuel(), asks.limits().host_calls()), (2_000_000_000, 7));
}

#[test]
fn s48_a_manifest_that_asks_for_nothing_gets_nothing() {
    let mut value = manifest();
    value.as_object_mut().unwrap().remove("requests");
    assert_eq!(parse(&value).unwrap().requests(), &agentstack_plugins::Grants::default());
}

#[test]
fn s48_each_field_has_its_rule() {
    for (field, value) in [
        ("format", json!(2)),
        ("name", json!("memory")),
        ("name", json!("Greeter")),
        ("version", json!("1.2")),
        ("description", json!("")),
        ("description", json!("é".repeat(1_025))),
        ("description", json!("a\u{1b}[31m")),
        ("tools", json!([])),
        ("tools", json!({})),
        ("requests", json!(null)),
    ] {
        assert_eq!(refused(|manifest| manifest[field] = value.clone()), field, "{value}");
    }
    for (field, value) in [
        ("name", json!("say-hello")),
        ("description", json!("")),
        ("inputSchema", json!(true)),
        ("inputSchema", json!({"type": "array"})),
        ("outputSchema", json!({})),
        ("outputSchema", json!({"type": "object", "properties": 1})),
    ] {
        let at = format!("tools[0].{field}");
        assert_eq!(refused(|manifest| manifest["tools"][0][field] = value.clone()), at, "{value}");
    }
    for field in ["format", "name", "version", "description", "tools"] {
        let mut value = manifest();
        value.as_object_mut().unwrap().remove(field);
        assert!(parse(&value).unwrap_err().to_string().contains(&format!("missing field `{field}`")));
    }
    let mut longest = manifest();
    longest["description"] = json!("é".repeat(1_024));
    assert!(parse(&longest).is_ok());
}

#[test]
fn s48_what_is_not_known_is_refused() {
    assert_eq!(refused(|manifest| manifest["main"] = json!("x")), "main");
    assert_eq!(refused(|manifest| manifest["tools"][0]["run"] = json!("x")), "tools[0].run");
    assert_eq!(refused(|manifest| manifest["requests"]["files"] = json!(["/"])), "requests.files");
    let hidden = refused(|manifest| manifest["a\u{202e}\nb"] = json!(1));
    assert!(!hidden.contains(['\n', '\u{202e}']), "{hidden}");
}

#[test]
fn s48_two_tools_have_two_names_and_there_are_32_at_most() {
    let twice = refused(|manifest| {
        let tool = manifest["tools"][0].clone();
        manifest["tools"].as_array_mut().unwrap().push(tool);
    });
    assert_eq!(twice, "tools[1].name");
    let many = |count: usize| {
        let mut value = manifest();
        let tool = |n: usize| {
            let mut tool = value["tools"][0].clone();
            tool["name"] = json!(format!("tool_{n}"));
            tool
        };
        value["tools"] = (0..count).map(tool).collect();
        parse(&value)
    };
    assert_eq!(many(32).unwrap().tools().len(), 32);
    assert!(many(33).is_err());
}

#[test]
fn s48_a_manifest_is_strict_json_of_at_most_256_kib() {
    let text = manifest().to_string();
    let twice = text.replacen("\"format\":1", "\"format\":1,\"format\":1", 1);
    assert_ne!(twice, text);
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        text.get(1..).unwrap(),
        &format!("{text}{text}"),
        &format!("\u{feff}{text}"),
        &twice,
    ] {
        assert!(Manifest::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(Manifest::parse(b"\xff").is_err());
    let padded = |bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    assert!(Manifest::parse(padded(256 * 1024).as_bytes()).is_ok());
    assert_eq!(Manifest::parse(padded(256 * 1024 + 1).as_bytes()).unwrap_err(), InvalidManifest::TooLarge);
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn s48_arguments_are_what_the_tool_takes() {
    let manifest = parse(&manifest()).unwrap();
    let tool = &manifest.tools()[0];
    assert_eq!(tool.arguments(object(&json!({"name": "Ada"}))).unwrap(), r#"{"name":"Ada"}"#);
    for (bad, at, keyword) in [
        (json!({}), "", "required"),
        (json!({"name": 1}), "/name", "type"),
        (json!({"name": "SECRET-SECRET"}), "/name", "maxLength"),
        (json!({"name": "Ada", "age": 1}), "", "additionalProperties"),
    ] {
        let refused = tool.arguments(object(&bad)).unwrap_err();
        assert!(!refused.to_string().contains("SECRET"), "{refused}");
        assert_eq!(refused, Mismatch::Rule { at: at.to_owned(), keyword: keyword.to_owned() });
    }
    let large = tool.arguments(object(&json!({"name": "x".repeat(256 * 1024)}))).unwrap_err();
    assert_eq!(large, Mismatch::TooLarge { most: 256 * 1024 });
}

#[test]
fn s48_an_answer_is_what_the_tool_answers() {
    let mut value = manifest();
    value["tools"][0]["outputSchema"] = json!({"type": "object", "required": ["text"]});
    value["requests"]["limits"]["outputBytes"] = json!(40);
    let manifest = parse(&value).unwrap();
    let answer = |text: &str| manifest.tools()[0].answer(text.as_bytes(), manifest.requests().limits());
    assert_eq!(answer(r#"{"text":"hi"}"#).unwrap(), object(&json!({"text": "hi"})));
    for bad in
        ["", "null", "[]", "{}", "\"text\"", r#"{"text":1,"text":2}"#, r#"{"text":NaN}"#, "{\"text\":1}\0"]
    {
        assert!(answer(bad).is_err(), "{bad}");
    }
    let padded = |bytes: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes - 11));
    assert!(answer(&padded(40)).is_ok());
    assert_eq!(answer(&padded(41)).unwrap_err(), Mismatch::TooLarge { most: 40 });
    assert!(manifest.tools()[0].answer(b"\xff", manifest.requests().limits()).is_err());
}
