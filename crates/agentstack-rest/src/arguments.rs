//! From a request to the arguments of an operation: the parts of its path, its query, its body.

use std::borrow::Cow;

use agentstack_api::{InputError, Spec};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// The arguments of a request without a body: path and query. Texts become what the operation's schema says of the
/// field; one that cannot stays a text, and is refused with the field's own rule.
pub(crate) fn of_query(
    spec: &Spec,
    path: Vec<(String, String)>,
    query: Option<&str>,
) -> Result<Map<String, Value>, InputError> {
    let mut arguments = of_path(spec, path);
    for (name, text) in pairs(query.unwrap_or_default())? {
        let kind = kind(spec, &name);
        match (arguments.get_mut(&name), kind) {
            (Some(Value::Array(items)), Kind::List) => items.push(Value::from(text)),
            (None, Kind::List) => drop(arguments.insert(name, Value::from(vec![text]))),
            (None, kind) => drop(arguments.insert(name, kind.value(text))),
            // Which of two would count is anybody's guess.
            (Some(_), _) => return Err(InputError::new(name, "must be given once")),
        }
    }
    Ok(arguments)
}

/// The arguments of a request with a body: path and JSON object. An empty body is an empty object.
pub(crate) fn of_body(
    spec: &Spec,
    path: Vec<(String, String)>,
    query: Option<&str>,
    body: &[u8],
) -> Result<Map<String, Value>, InputError> {
    if let Some((name, _)) = pairs(query.unwrap_or_default())?.into_iter().next() {
        return Err(InputError::new(name, "belongs into the body, not into the query"));
    }
    let mut arguments = if body.is_empty() { Map::new() } else { object(body)? };
    for (name, value) in of_path(spec, path) {
        if arguments.get(&name).is_some_and(|given| *given != value) {
            return Err(InputError::new(name, "must be the one in the path, or be left out"));
        }
        arguments.insert(name, value);
    }
    Ok(arguments)
}

fn of_path(spec: &Spec, path: Vec<(String, String)>) -> Map<String, Value> {
    path.into_iter().map(|(name, text)| (name.clone(), kind(spec, &name).value(text))).collect()
}

/// The body, which must be one strict JSON object (S30).
fn object(body: &[u8]) -> Result<Map<String, Value>, InputError> {
    let whole = |rule: String| InputError { field: None, rule };
    let text =
        agentstack_api::json::check(body).map_err(|error| whole(format!("the body is not JSON: {error}")))?;
    serde_json::from_str(text).map_err(|_| whole("the body must be a JSON object".to_owned()))
}

/// What a field takes, as far as a text can be it.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Number,
    Switch,
    List,
}

fn kind(spec: &Spec, name: &str) -> Kind {
    let property = (spec.input_schema)().get("properties").and_then(|properties| properties.get(name));
    match property.and_then(|property| property.get("type")).and_then(Value::as_str) {
        Some("integer") => Kind::Whole,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Switch,
        Some("array") => Kind::List,
        _ => Kind::Text,
    }
}

impl Kind {
    fn value(self, text: String) -> Value {
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        let read = match self {
            Self::Whole => {
                text.parse::<u64>().ok().filter(|number| number.to_string() == text).map(Value::from)
            }
            // As JSON has it: no `inf`, no `.5`.
            Self::Number => plain.then(|| serde_json::from_str(&text).ok()).flatten(),
            Self::Switch => text.parse::<bool>().ok().map(Value::from),
            Self::Text | Self::List => None,
        };
        read.unwrap_or(Value::String(text))
    }
}

/// The names and values of a query, in the form of HTML forms: `+` is a space.
fn pairs(query: &str) -> Result<Vec<(String, String)>, InputError> {
    let decoded = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode(spaced.as_bytes()).decode_utf8().map(Cow::into_owned)
    };
    let mut pairs = vec![];
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let rule = || InputError { field: None, rule: "the query is not UTF-8".to_owned() };
        pairs.push((decoded(name).map_err(|_| rule())?, decoded(value).map_err(|_| rule())?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(name: &str) -> &'static Spec {
        agentstack_api::find(name).unwrap()
    }

    fn query(name: &str, query: &str) -> Result<Value, InputError> {
        of_query(spec(name), vec![], Some(query)).map(Value::Object)
    }

    #[test]
    fn a_text_becomes_what_the_field_takes() {
        let read = query(
            "memory_search",
            "query=it%27s+100%25&limit=5&threshold=0.5&includeShared=false&tags=a&tags=b%20c&sessionId=x",
        );
        let expected = json!({ "query": "it's 100%", "limit": 5, "threshold": 0.5, "includeShared": false,
            "tags": ["a", "b c"], "sessionId": "x" });
        assert_eq!(read, Ok(expected));
        // What cannot become it is refused further in, with the field's own rule.
        for text in ["x", "05", "+5", "-5", "5.0", "1e1", " 5", "", "99999999999999999999"] {
            let escaped = text.replace('+', "%2B");
            assert_eq!(
                query("memory_search", &format!("limit={escaped}")),
                Ok(json!({ "limit": text })),
                "{text}"
            );
        }
        for text in ["inf", "NaN", ".5", "0x1", "1_0", "null", "true"] {
            assert_eq!(
                query("memory_search", &format!("threshold={text}")),
                Ok(json!({ "threshold": text }))
            );
        }
        assert_eq!(query("memory_list", "includeShared=TRUE"), Ok(json!({ "includeShared": "TRUE" })));
    }

    #[test]
    fn a_name_counts_once_and_must_be_text() {
        let error = query("memory_search", "limit=1&limit=2").unwrap_err();
        assert_eq!((error.field.as_deref(), error.rule.as_str()), (Some("limit"), "must be given once"));
        assert!(query("memory_search", "query=%ff").is_err());
        assert_eq!(query("memory_list", "a&b=&&=c"), Ok(json!({ "a": "", "b": "", "": "c" })));
    }

    #[test]
    fn path_and_body_are_one_and_do_not_contradict_each_other() {
        let path = || vec![("key".to_owned(), "k".to_owned()), ("version".to_owned(), "2".to_owned())];
        let read =
            |body: &str| of_body(spec("memory_restore"), path(), None, body.as_bytes()).map(Value::Object);
        assert_eq!(read(r#"{"sessionId":"s"}"#), Ok(json!({ "key": "k", "version": 2, "sessionId": "s" })));
        assert_eq!(read(""), Ok(json!({ "key": "k", "version": 2 })));
        assert_eq!(read(r#"{"version":2}"#), Ok(json!({ "key": "k", "version": 2 })));
        assert_eq!(read(r#"{"version":3}"#).unwrap_err().field.as_deref(), Some("version"));
        for bad in ["[]", "7", "{", r#"{"a":1,"a":2}"#, "\u{feff}{}"] {
            assert_eq!(read(bad).unwrap_err().field, None, "{bad}");
        }
        let error = of_body(spec("memory_store"), vec![], Some("sessionId=s"), b"{}").unwrap_err();
        assert_eq!(error.field.as_deref(), Some("sessionId"), "a body has no second half in the URL");
    }
}
