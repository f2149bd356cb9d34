//! The OpenAPI document and the page that shows it.

use std::collections::HashSet;

use agentstack_api::{ErrorCode, OPERATIONS, Route, document, parse};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::support::{least, parse_with, spec};

/// Every operation of the document: its path, its method and what is said of it.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        found.extend(item.as_object().unwrap().iter().map(|(method, operation)| (path, method, operation)));
    }
    found
}

/// The fields of each operation with their exact schemas.
fn exact_fields() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    OPERATIONS.iter().flat_map(|spec| {
        let properties = (spec.exact_input_schema)()["properties"].as_object();
        properties.into_iter().flatten().map(|(field, schema)| (spec.operation.name, field.as_str(), schema))
    })
}

#[test]
fn the_document_is_as_published() {
    insta::assert_snapshot!("openapi", document::openapi_json());
}

#[test]
fn every_reference_leads_somewhere_and_everything_shared_is_used() {
    fn walk<'a>(part: &'a Value, found: &mut HashSet<&'a str>) {
        match part {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| walk(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let document = document::openapi(OPERATIONS);
    let mut found = HashSet::new();
    walk(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(found.contains(format!("#/components/{kind}/{name}").as_str()), "{kind}/{name} is used");
        }
    }
}

#[test]
fn every_route_is_in_the_document_once() {
    let document = document::openapi(OPERATIONS);
    let operations = operations(&document);
    let ids: HashSet<&str> = operations.iter().map(|(.., o)| o["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
    for spec in OPERATIONS {
        assert!(ids.contains(spec.operation.name), "{}", spec.operation.name);
        for route in spec.routes {
            let path = format!("{}{}", Route::BASE, route.path);
            let operation = &document["paths"][&path][route.method.as_str().to_lowercase()];
            assert_eq!(operation["summary"], spec.title, "{path}");
            for code in ErrorCode::ALL {
                let expected =
                    agentstack_api::Spec::COMMON_ERRORS.contains(code) || spec.errors.contains(code);
                let status = code.http_status().to_string();
                assert_eq!(operation["responses"].get(&status).is_some(), expected, "{path} {status}");
            }
        }
    }
}

#[test]
fn each_error_has_a_status_of_its_own() {
    // So that a status leads to one response.
    let statuses: HashSet<u16> = ErrorCode::ALL.iter().map(|code| code.http_status()).collect();
    assert_eq!(statuses.len(), ErrorCode::ALL.len());
}

#[test]
fn every_argument_is_in_the_path_the_query_or_the_body() {
    let document = document::openapi(OPERATIONS);
    for (path, method, operation) in operations(&document) {
        let Some(parameters) = operation.get("parameters").and_then(Value::as_array) else { continue };
        let place = |place: &str| -> HashSet<&str> {
            parameters.iter().filter(|p| p["in"] == place).map(|p| p["name"].as_str().unwrap()).collect()
        };
        let in_path: HashSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(place("path"), in_path, "{path}");
        let name = operation["operationId"].as_str().unwrap().trim_end_matches("_2");
        let all = (spec(name).exact_input_schema)()["properties"].as_object().map_or(0, Map::len);
        if matches!(method.as_str(), "get" | "delete") {
            assert!(operation.get("requestBody").is_none(), "{path}");
            assert_eq!(parameters.len(), all, "{path}");
        } else {
            assert_eq!(parameters.len(), in_path.len(), "{path}");
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
            let body = body.and_then(Value::as_str).and_then(|at| document.pointer(at.strip_prefix('#')?));
            let in_body = body.map_or(0, |body| body["properties"].as_object().unwrap().len());
            // What the path says by itself, nobody else says.
            let said = usize::from(path.ends_with("/complete") || path.ends_with("/fail"));
            assert_eq!(in_path.len() + in_body + said, all, "{path}");
        }
    }
}

#[test]
fn s01_only_health_and_this_document_need_no_token() {
    let document = document::openapi(OPERATIONS);
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
    let open: Vec<&String> = operations(&document)
        .into_iter()
        .filter(|(.., operation)| operation.get("security").is_some())
        .map(|(path, ..)| path)
        .collect();
    assert_eq!(open, ["/health/live", "/health/ready", "/openapi.json"]);
}

#[test]
fn s19_what_the_exact_schema_says_of_lengths_and_numbers_is_what_is_taken() {
    let mut checked = 0;
    for (name, field, schema) in exact_fields() {
        let mut edge = |bound: &str, value: &dyn Fn(u64) -> Value, beyond: i64| {
            let Some(size) = schema.get(bound).and_then(Value::as_f64) else { return };
            checked += 1;
            let size = format!("{size:.0}").parse::<i64>().unwrap();
            let fits = parse_with(name, field, value(size.unsigned_abs()));
            assert!(fits.is_ok(), "{name} {field} {bound}: {fits:?}");
            if let Ok(outside) = u64::try_from(size + beyond) {
                assert!(parse_with(name, field, value(outside)).is_err(), "{name} {field} beyond {bound}");
            }
        };
        // What has a pattern is drawn from it below; a cursor is one that an answer gave.
        if schema.get("pattern").is_none() {
            edge("minLength", &|size| json!("n".repeat(size.try_into().unwrap())), -1);
            edge("maxLength", &|size| json!("n".repeat(size.try_into().unwrap())), 1);
        }
        let item = |number: u64| match field {
            "operations" => json!("memory_get"),
            "capabilities" => json!({ "name": format!("n{number}") }),
            "dependsOn" | "derivedFrom" | "supersedes" => json!(crate::support::SESSION),
            _ => json!("n"),
        };
        edge("maxItems", &|size| (0..size).map(item).collect(), 1);
        edge("minimum", &|size| json!(size), -1);
        edge("maximum", &|size| json!(size), 1);
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn what_fits_a_pattern_is_taken() {
    let mut runner = TestRunner::deterministic();
    for (name, field, schema) in exact_fields() {
        let (schema, list) = match schema.get("items") {
            Some(items) => (items, true),
            None => (schema, false),
        };
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { continue };
        let inner = pattern.strip_prefix('^').unwrap().strip_suffix('$').unwrap();
        let bound = |name: &str| usize::try_from(schema[name].as_u64().unwrap()).unwrap();
        let range = bound("minLength")..=bound("maxLength");
        let texts = string_regex(inner).unwrap();
        for _ in 0..200 {
            let text = texts.new_tree(&mut runner).unwrap().current();
            let value = if list { json!([text]) } else { json!(text) };
            let taken = parse_with(name, field, value).is_ok();
            assert_eq!(taken, range.contains(&text.chars().count()), "{name} {field} {text:?}");
        }
    }
}

#[test]
fn examples_are_taken() {
    for (name, field, schema) in exact_fields() {
        for example in schema.get("examples").and_then(Value::as_array).into_iter().flatten() {
            assert!(parse_with(name, field, example.clone()).is_ok(), "{name} {field}");
        }
    }
}

#[test]
fn every_field_that_may_be_null_says_so() {
    for (name, field, schema) in exact_fields() {
        let nullable = schema["type"].as_array().is_some_and(|kinds| kinds.contains(&"null".into()))
            || schema["anyOf"].as_array().is_some_and(|all| all.contains(&json!({ "type": "null" })));
        let mut arguments = least(name);
        let is_named = arguments.contains_key(field);
        arguments.insert(field.to_owned(), Value::Null);
        // Of two names of a thing, the one that is given here is needed.
        let nullable = nullable && !is_named;
        assert_eq!(parse(spec(name), arguments).is_ok(), nullable, "{name} {field}: {schema}");
    }
}

#[test]
fn the_page_is_as_published() {
    insta::assert_snapshot!("api_page", document::api_page(OPERATIONS));
}

#[test]
fn the_page_loads_nothing_and_names_every_route() {
    let page = document::api_page(OPERATIONS);
    for forbidden in ["<script", "<img", "<link", "@import", "url(", "//", "onclick", "null"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for spec in OPERATIONS {
        assert!(page.contains(&format!("<section id=\"{}\">", spec.operation.name)));
        for route in spec.routes {
            assert!(page.contains(&format!("{}{}</code>", Route::BASE, route.path)), "{}", route.path);
        }
    }
}
