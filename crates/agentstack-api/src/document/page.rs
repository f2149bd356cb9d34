//! The page that shows the API to people: the table as HTML, without a script and without anything from elsewhere.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::openapi::{families, tag};
use super::shape;
use crate::{ErrorCode, Method, Route, Spec, schema};

const STYLE: &str = include_str!("page.css");

/// The page of these rows of the table. Nothing is loaded with it, and a browser that honours its policy lets nothing be.
#[must_use]
pub fn api_page(served: &[&'static Spec]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>AgentStack API</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>AgentStack API</h1>\n<p>Version {}. For programs: <a href=\"/openapi.json\">openapi.json</a>.</p>\n",
        env!("CARGO_PKG_VERSION"),
    );
    page.push_str(
        "<p>Every call shows a token: <code>Authorization: Bearer &lt;token&gt;</code>. In a path, a part in braces is \
         the argument of that name; the other arguments of a <code>GET</code> or <code>DELETE</code> go into the \
         query, else into the JSON body. An error is an RFC 9457 problem with a <code>code</code>.</p>\n",
    );
    let _ = writeln!(page, "<p>Every operation can answer {}.</p>\n</header>", codes(Spec::COMMON_ERRORS));
    let _ = navigation(&mut page, served);
    page.push_str("<main>\n");
    for spec in served {
        let _ = operation(&mut page, spec);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn navigation(page: &mut String, served: &[&Spec]) -> std::fmt::Result {
    page.push_str("<nav aria-label=\"Operations\">\n");
    for family in families(served) {
        writeln!(page, "<h2>{}</h2>\n<ul>", escaped(family))?;
        for spec in served.iter().filter(|spec| tag(spec) == family) {
            let name = escaped(spec.operation.name);
            writeln!(page, "<li><a href=\"#{name}\">{}</a></li>", escaped(spec.title))?;
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</nav>\n");
    Ok(())
}

fn operation(page: &mut String, spec: &Spec) -> std::fmt::Result {
    let name = escaped(spec.operation.name);
    writeln!(page, "<section id=\"{name}\">\n<h2>{} <code>{name}</code></h2>", escaped(spec.title))?;
    writeln!(page, "<p>{}</p>", prose(spec.description))?;
    for Route { method, path, .. } in spec.routes {
        let (method, path) = (method.as_str(), escaped(path));
        let class = method.to_ascii_lowercase();
        writeln!(
            page,
            "<p class=\"route\"><b class=\"{class}\">{method}</b> <code>{}{path}</code></p>",
            Route::BASE
        )?;
    }
    arguments(page, (spec.exact_input_schema)())?;
    if let Some(route) = spec.routes.first() {
        writeln!(page, "<h3>Example</h3>\n<pre>{}</pre>", escaped(&example(spec, route)))?;
    }
    writeln!(page, "<h3>Answer</h3>\n<pre>{}</pre>", escaped(&shape((spec.output_schema)(), 0)))?;
    if !spec.errors.is_empty() {
        writeln!(page, "<p>Errors besides the common ones: {}.</p>", codes(spec.errors))?;
    }
    page.push_str("</section>\n");
    Ok(())
}

fn arguments(page: &mut String, schema: &Value) -> std::fmt::Result {
    if schema::properties(schema).next().is_none() {
        page.push_str("<p>No arguments.</p>\n");
        return Ok(());
    }
    page.push_str("<h3>Arguments</h3>\n<dl>\n");
    for (name, property) in schema::properties(schema) {
        let mut property = property.clone();
        schema::without_null(&mut property);
        let required = schema::required(schema).any(|required| required == name);
        let required = if required { " <em>required</em>" } else { "" };
        let rule = schema::rule(&property);
        write!(page, "<dt><code>{}</code>{required}</dt>\n<dd>{}", escaped(name), prose(&rule))?;
        if let Some(default) = property.get("default") {
            write!(page, "; if not said: <code>{}</code>", escaped(&default.to_string()))?;
        }
        page.push('.');
        if let Some(note) = property.get("description").and_then(Value::as_str) {
            write!(page, " {}.", prose(note))?;
        }
        page.push_str("</dd>\n");
    }
    page.push_str("</dl>\n");
    Ok(())
}

/// A call with the least arguments, as one could type it.
fn example(spec: &Spec, route: &Route) -> String {
    let input = (spec.exact_input_schema)();
    let in_path: Vec<&str> = route.parameters().collect();
    let mut path = format!("{}{}", Route::BASE, route.path);
    let mut rest = Map::new();
    for name in schema::required(input) {
        let value = schema::property(input, name).map_or(Value::Null, sample);
        if in_path.contains(&name) {
            path = path.replace(&format!("{{{name}}}"), &plain(&value));
        } else {
            rest.insert(name.to_owned(), value);
        }
    }
    let method = match route.method {
        Method::Get => String::new(),
        other => format!(" -X {}", other.as_str()),
    };
    let mut call = format!("curl{method} -H \"Authorization: Bearer $TOKEN\"");
    let mut query = String::new();
    if rest.is_empty() {
        // Nothing more to say.
    } else if route.method.has_body() {
        let body = Value::Object(rest).to_string().replace('\'', r"'\''");
        let _ = write!(call, " \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'");
    } else {
        let pairs: Vec<String> =
            rest.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        query = format!("?{}", pairs.join("&"));
    }
    format!("{call} \\\n  \"$SERVER{path}{query}\"")
}

/// A value that the schema takes.
fn sample(schema: &Value) -> Value {
    let first = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|all| all.first()).cloned();
    first("examples")
        .or_else(|| first("enum"))
        .or_else(|| schema.get("minimum").cloned())
        .unwrap_or(Value::Null)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn codes(codes: &[ErrorCode]) -> String {
    let code =
        |code: &ErrorCode| format!("<code>{}</code>&nbsp;({})", escaped(code.as_str()), code.http_status());
    codes.iter().map(code).collect::<Vec<_>>().join(", ")
}

/// A sentence, in which backticks enclose what stands for itself.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.fold(String::new(), |prose, (index, part)| {
        let part = escaped(part);
        prose + &if index % 2 == 1 { format!("<code>{part}</code>") } else { part }
    })
}

/// Text as it stands in an element or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_what_they_enclose_is_escaped() {
        assert_eq!(prose("use `a<b` & `c`"), "use <code>a&lt;b</code> &amp; <code>c</code>");
    }

    #[test]
    fn what_means_something_in_html_is_escaped() {
        assert_eq!(escaped("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
    }
}
