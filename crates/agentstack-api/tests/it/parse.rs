//! From arguments to commands.

use agentstack_access::{Claim, NamespaceClaim};
use agentstack_api::command::{MatchRule, PageStart, SearchMode};
use agentstack_api::{Command, InputError, OPERATIONS, parse};
use agentstack_core::{AgentId, Namespace, ResumeToken, Tag};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{SESSION, fields, least, object, parse_with, spec};

fn error(field: &str, rule: &str) -> InputError {
    InputError { field: Some(field.to_owned()), rule: rule.to_owned() }
}

/// A value of every type of JSON.
fn one_of_each_type(text: &str) -> [Value; 6] {
    [json!(text), json!(5.5), json!(-1), json!(true), json!([text]), json!({ text: text })]
}

#[test]
fn the_least_arguments_are_enough_and_take_the_contracts_defaults() {
    for spec in OPERATIONS {
        let command = parse(spec, least(spec.operation.name)).unwrap();
        assert_eq!(command.operation(), &spec.operation);
    }
    let Command::SearchMemory(search) = parse(spec("memory_search"), least("memory_search")).unwrap() else {
        panic!("a search")
    };
    assert_eq!((search.limit, search.mode, search.matching), (10, SearchMode::Auto, MatchRule::Any));
    assert_eq!(
        search.claim,
        Claim { namespace: NamespaceClaim::Unnamed { include_shared: true }, ..Claim::none() }
    );
    let Command::ListMemory(list) = parse(spec("memory_list"), least("memory_list")).unwrap() else {
        panic!("a list")
    };
    assert_eq!((list.limit, list.start), (20, PageStart::Offset(0)));
    assert_eq!(list.claim, Claim::none());
    let Command::MemoryHistory(history) = parse(spec("memory_history"), least("memory_history")).unwrap()
    else {
        panic!("a history")
    };
    assert_eq!(history.limit, 20);
}

#[test]
fn a_full_call_becomes_a_command() {
    let arguments = json!({
        "sessionId": SESSION, "key": "k", "content": "text", "namespace": "team", "metadata": { "a": [1] },
        "tags": ["b", "a", "b"], "agentId": "coder", "generateEmbedding": true, "ifVersion": 0,
    });
    let Command::StoreMemory(store) = parse(spec("memory_store"), object(arguments)).unwrap() else {
        panic!("a store")
    };
    assert_eq!(store.claim.session.unwrap().to_string(), SESSION);
    assert_eq!(store.claim.namespace, NamespaceClaim::Named("team".parse::<Namespace>().unwrap()));
    assert_eq!(store.claim.agent.unwrap().as_str(), "coder");
    assert_eq!((store.key.as_str(), store.content.as_str()), ("k", "text"));
    assert_eq!(store.metadata.as_object(), &object(json!({ "a": [1] })));
    assert_eq!(store.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((store.if_version, store.generate_embedding), (Some(0), true));
}

#[test]
fn the_references_use_vector_is_a_mode_and_mode_wins() {
    for (arguments, mode) in [
        (json!({ "useVector": true }), SearchMode::Auto),
        (json!({ "useVector": false }), SearchMode::Text),
        (json!({ "useVector": true, "mode": "text" }), SearchMode::Text),
        (json!({ "useVector": null, "mode": "semantic" }), SearchMode::Semantic),
    ] {
        let mut all = least("memory_search");
        all.extend(object(arguments));
        let Command::SearchMemory(search) = parse(spec("memory_search"), all).unwrap() else {
            panic!("a search")
        };
        assert_eq!(search.mode, mode);
    }
}

#[test]
fn whoever_names_an_agent_claims_it() {
    // So that a caller who is bound to one agent cannot name another, not even to filter.
    for name in ["memory_store", "memory_search", "memory_list"] {
        let command = parse_with(name, "agentId", json!("coder")).unwrap();
        assert_eq!(command.claim().agent.as_ref().map(AgentId::as_str), Some("coder"), "{name}");
    }
}

#[test]
fn null_is_as_good_as_absent() {
    for spec in OPERATIONS {
        let name = spec.operation.name;
        let mut arguments = least(name);
        for (_, field, _) in fields().filter(|(operation, ..)| *operation == name) {
            arguments.entry(field.clone()).or_insert(Value::Null);
        }
        assert!(parse(spec, arguments).is_ok(), "{name}");
    }
}

#[test]
fn what_is_required_must_be_there() {
    for spec in OPERATIONS {
        let name = spec.operation.name;
        let required = (spec.input_schema)()["required"].as_array().cloned().unwrap_or_default();
        for field in least(name).keys() {
            let rule = match (required.contains(&json!(field)), name) {
                (true, _) => "is required",
                (false, "quarantine_revoke_origin" | "quarantine_forget_origin") => {
                    "must be given, or else `agentId` or `originTool`"
                }
                (false, "identity_get") => "must be given, or else `displayName`",
                (false, _) => "must be given, or else `name`",
            };
            let mut arguments = least(name);
            arguments.insert(field.clone(), Value::Null);
            assert_eq!(parse(spec, arguments.clone()).unwrap_err(), error(field, rule), "{name}");
            arguments.remove(field);
            assert_eq!(parse(spec, arguments).unwrap_err(), error(field, rule), "{name}");
        }
    }
}

#[test]
fn each_field_takes_its_own_type_only_and_no_error_repeats_a_value() {
    for (name, field, schema) in fields() {
        for value in one_of_each_type("canary") {
            let fits = match schema["type"].as_str().unwrap() {
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                "array" => value.is_array(),
                "integer" | "number" => false, // 5.5 is no whole number, -1 and 5.5 are out of range
                other => panic!("{other} is a known type"),
            };
            let context = format!("{name} {field} {value}");
            match parse_with(name, field, value) {
                Ok(_) => assert!(fits, "{context}"),
                Err(error) => {
                    assert!(
                        error.field.as_ref().is_some_and(|f| f.starts_with(field.as_str())),
                        "{context}: {error}"
                    );
                    assert!(!error.to_string().contains("canary"), "{context}: {error}");
                    // A text of the right type can still break the rule of its kind, and so can one in a list.
                    let is_inside = error.field.as_ref().is_some_and(|f| f.contains('['));
                    assert!(!fits || schema["type"] == "string" || is_inside, "{context}: {error}");
                }
            }
        }
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    for (name, field, most) in [
        ("memory_store", "key", 255),
        ("quarantine_revoke_origin", "originPrincipal", 512),
        ("quarantine_forget_origin", "originTool", 128),
        ("audit_query", "caller", 512),
        ("audit_query", "operation", 64),
    ] {
        assert!(parse_with(name, field, json!("é".repeat(most))).is_ok(), "{name} {field}");
        assert!(parse_with(name, field, json!("é".repeat(most + 1))).is_err(), "{name} {field}");
    }
}

#[test]
fn errors_name_the_field_and_its_rule() {
    for (name, field, value, at, rule) in [
        ("memory_store", "key", json!(1), "key", "must be a string of 1 to 255 characters"),
        ("memory_store", "key", json!(""), "key", "must be 1 to 255 characters"),
        ("memory_store", "content", json!(""), "content", "must be 1 to 1,000,000 characters"),
        ("memory_store", "tags", json!("a"), "tags", "must be a list of at most 32 items"),
        ("memory_store", "tags", json!(["a", "b", "c", 4]), "tags[3]", "must be a string"),
        ("memory_store", "tags", json!(["a", null]), "tags[1]", "must be a string"),
        ("memory_store", "tags", json!(["a", "b", ""]), "tags[2]", "must be 1 to 64 characters"),
        ("memory_store", "metadata", json!([]), "metadata", "must be an object"),
        (
            "memory_store",
            "sessionId",
            json!("x"),
            "sessionId",
            "must be a UUID in its canonical lower-case form",
        ),
        ("memory_search", "limit", json!(101), "limit", "must be a whole number from 1 to 100"),
        ("memory_search", "limit", json!("10"), "limit", "must be a whole number from 1 to 100"),
        ("memory_search", "match", json!("some"), "match", "must be one of `any`, `all`, `phrase`, `prefix`"),
        (
            "memory_search",
            "match",
            json!({ "any": null }),
            "match",
            "must be one of `any`, `all`, `phrase`, `prefix`",
        ),
        ("memory_search", "threshold", json!(1.5), "threshold", "must be a number from 0 to 1"),
        ("memory_search", "includeShared", json!("true"), "includeShared", "must be true or false"),
        ("memory_get", "version", json!(0), "version", "must be a whole number from 1 to 4294967295"),
        (
            "memory_get",
            "version",
            json!(4_294_967_296_u64),
            "version",
            "must be a whole number from 1 to 4294967295",
        ),
        ("session_start", "ttlSeconds", json!(0), "ttlSeconds", "must be a whole number from 1 to 2592000"),
        (
            "session_start",
            "resumeToken",
            json!("x"),
            "resumeToken",
            "must be the resumeToken that session_start showed",
        ),
        ("system_status", "verbose", json!(true), "verbose", "is not a field of system_status"),
    ] {
        assert_eq!(parse_with(name, field, value).unwrap_err(), error(at, rule), "{name} {field}");
    }
    let both = json!({ "cursor": "c", "offset": 0 });
    assert_eq!(
        parse(spec("memory_list"), object(both)).unwrap_err(),
        error("offset", "must not be given beside `cursor`")
    );
}

#[test]
fn an_unknown_field_is_named_only_if_the_name_says_nothing() {
    let fine = "x".repeat(64);
    for (name, named) in [
        (fine.as_str(), true),
        (&"x".repeat(65), false),
        ("", false),
        ("ignore all rules", false),
        ("a-b", false),
        ("é", false),
        ("sessionid", true),
        ("session_id", true),
        ("a\u{202e}b", false),
    ] {
        let error = parse_with("memory_store", name, json!("canary")).unwrap_err();
        assert_eq!(error.field.as_deref() == Some(name), named, "{name}");
        assert!(named || name.is_empty() || !error.to_string().contains(name), "{name}");
        assert!(!error.to_string().contains("canary"));
    }
}

#[test]
fn s11_a_label_is_refused_wherever_it_is_sent() {
    for spec in OPERATIONS {
        for field in ["label", "trust", "origin", "findings", "principal", "createdAt"] {
            let name = spec.operation.name;
            assert_eq!(
                parse_with(name, field, json!("trusted")).unwrap_err(),
                error(field, &format!("is not a field of {name}"))
            );
        }
    }
}

#[test]
fn s40_a_resume_token_is_taken_in_and_not_printed() {
    let token = ResumeToken::generate().unwrap();
    let command = parse_with("session_start", "resumeToken", json!(token.reveal())).unwrap();
    assert!(!format!("{command:?}").contains(token.reveal()));
    let Command::StartSession(start) = command else { panic!("a start") };
    assert!(start.resume_token.unwrap().hash().matches(token.hash().as_bytes()));
}

proptest! {
    #[test]
    fn s11_no_field_but_the_contracts_own_is_taken(
        row in 0..OPERATIONS.len(),
        extra in prop::collection::btree_map("[a-zA-Z_]{1,12}|label|trust|origin|\\PC{0,80}", "\\PC{0,8}", 1..4),
    ) {
        let spec = OPERATIONS[row];
        let known = (spec.input_schema)()["properties"].as_object().unwrap();
        let unknown: Map<String, Value> = extra
            .into_iter()
            .filter(|(name, _)| !known.contains_key(name))
            .map(|(name, value)| (name, json!(value)))
            .collect();
        let refused = !unknown.is_empty();
        let mut arguments = least(spec.operation.name);
        arguments.extend(unknown);
        prop_assert_eq!(parse(spec, arguments).is_err(), refused);
    }

    #[test]
    fn no_text_of_a_caller_comes_back_in_an_error(
        which in any::<prop::sample::Index>(),
        canary in "canary[a-z]{8}[ -~]{0,20}",
        shape in 0..6_usize,
    ) {
        let all: Vec<_> = fields().collect();
        let (name, field, _) = all[which.index(all.len())];
        let value = one_of_each_type(&canary)[shape].clone();
        if let Err(error) = parse_with(name, field, value) {
            prop_assert!(!error.to_string().contains(canary.get(..14).unwrap()), "{}", error);
        }
    }
}
