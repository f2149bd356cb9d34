//! What a plugin may say of its arguments and answers, and that checking it has an end (S48).

use agentstack_plugins::{InvalidSchema, Schema};
use serde_json::{Map, Value, json};

fn with(mut members: Value) -> Result<Schema, InvalidSchema> {
    members["type"] = json!("object");
    Schema::of_object(members)
}

fn refused(members: Value) -> InvalidSchema {
    with(members).unwrap_err()
}

#[test]
fn s48_a_schema_is_one_of_an_object() {
    for bad in
        [json!(true), json!([]), json!({}), json!({"type": "string"}), json!({"type": ["object", "null"]})]
    {
        assert_eq!(Schema::of_object(bad).unwrap_err(), InvalidSchema::NotOfAnObject);
    }
    assert!(with(json!({"$schema": "https://json-schema.org/draft/2020-12/schema"})).is_ok());
    assert_eq!(
        refused(json!({"$schema": "http://json-schema.org/draft-07/schema#"})),
        InvalidSchema::OtherDialect
    );
    for (bad, at) in [
        (json!({"properties": []}), "/properties"),
        (json!({"properties": {"a": {"type": "text"}}}), "/properties/a/type"),
        (json!({"properties": {"a": {"pattern": "("}}}), "/properties/a/pattern"),
        (json!({"minProperties": -1}), "/minProperties"),
    ] {
        assert!(matches!(refused(bad), InvalidSchema::NotASchema { .. }), "{at}");
    }
}

#[test]
fn s48_a_reference_stays_in_its_schema() {
    let local = with(json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}));
    assert!(local.is_ok());
    for bad in [
        "https://example.com/schema",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "other.json",
        "",
        "#",
        "#/",
        "#/properties/a",
        "#/$defs/b",
        "#/$defs/a/type",
        "#/%24defs/a",
        "#/$defs/%61",
        "x#/$defs/a",
        "#/$defs/a#",
    ] {
        let schema = json!({"properties": {"a": {"$ref": bad}}, "$defs": {"a": {"type": "string"}}});
        assert_eq!(refused(schema), InvalidSchema::Reference, "{bad}");
    }
    assert_eq!(refused(json!({"properties": {"a": {"$ref": 1}}})), InvalidSchema::Reference);
}

#[test]
fn s48_keywords_that_change_what_references_mean_are_refused() {
    for keyword in ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"] {
        assert_eq!(refused(json!({ keyword: "https://example.com" })), InvalidSchema::Keyword(keyword));
        let inner = json!({"properties": {"a": {"items": [{ keyword: "#a" }]}}});
        assert_eq!(refused(inner), InvalidSchema::Keyword(keyword));
    }
    for keyword in ["unevaluatedItems", "unevaluatedProperties"] {
        assert_eq!(refused(json!({ keyword: false })), InvalidSchema::Keyword(keyword));
    }
    let inner = json!({"properties": {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}});
    assert_eq!(refused(inner), InvalidSchema::Keyword("$schema"));
}

#[test]
fn s48_a_schema_that_refers_to_itself_is_refused() {
    for definitions in [
        json!({"a": {"$ref": "#/$defs/a"}}),
        json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}),
        json!({"a": {"properties": {"next": {"$ref": "#/$defs/a"}}}}),
    ] {
        assert_eq!(refused(json!({"$defs": definitions})), InvalidSchema::Circular);
    }
}

/// Definitions of which each is the one before, `times` over.
fn doubling(levels: usize, times: usize) -> Value {
    let mut definitions = Map::new();
    definitions.insert("d0".to_owned(), json!({"type": "object"}));
    for level in 1..=levels {
        let before = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": vec![before; times]}));
    }
    json!({"$ref": format!("#/$defs/d{levels}"), "$defs": definitions})
}

#[test]
fn s48_what_a_schema_comes_to_is_bounded() {
    assert!(with(doubling(4, 2)).is_ok());
    for levels in [8, 9] {
        assert_eq!(refused(doubling(levels, 2)), InvalidSchema::TooManyParts);
    }
    // A chain that is no wider than a thread's stack is deep.
    assert!(with(doubling(9, 1)).is_ok());
    for levels in [12, 700] {
        assert_eq!(refused(doubling(levels, 1)), InvalidSchema::TooDeep);
    }
    let mut backwards = doubling(12, 1);
    backwards["properties"] = json!({"a": {"$ref": "#/$defs/d1"}});
    assert_eq!(refused(backwards), InvalidSchema::TooDeep);

    let values = |count: usize| json!({"enum": (0..count).collect::<Vec<_>>()});
    assert!(with(values(2_045)).is_ok());
    assert_eq!(refused(values(2_046)), InvalidSchema::TooManyParts);
    let long = |bytes: usize| json!({"description": "x".repeat(bytes - 34)});
    assert!(with(long(32 * 1024)).is_ok());
    assert_eq!(refused(long(32 * 1024 + 1)), InvalidSchema::TooLarge);
    let nested =
        |levels: usize| (0..levels / 2).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    assert!(with(nested(32)).is_ok());
    assert_eq!(refused(nested(34)), InvalidSchema::TooDeep);
}

#[test]
fn s48_a_pattern_cannot_run_away() {
    // What takes an engine that goes back 2^32 steps.
    assert!(with(json!({"properties": {"a": {"pattern": "^(a+)+$"}}})).is_ok());
    for bad in ["(?=a)b", r"(a)\1", "(?:(?:a{1,1000}){1,1000}){1,1000}"] {
        let schema = with(json!({"properties": {"a": {"pattern": bad}}}));
        assert!(matches!(schema, Err(InvalidSchema::NotASchema { .. })), "{bad}");
    }
}
