//! Reads a document against the table of fields: every name known, every variable replaced, every value of
//! its type and in its range.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::environment::{Environment, NotText};
use super::error::FieldProblem;
use super::fields::{self, Field};
use super::providers;
use super::rules::{Kind, is_variable};

/// Longest unknown name that an error repeats. What is longer may be anything.
const NAME_SHOWN: usize = 40;

/// A document that has been read.
#[derive(Default)]
pub(super) struct Document {
    /// Its fields, each checked.
    pub(super) fields: Map<String, Value>,
    /// The fields that hold a secret in so many words, or run a program.
    pub(super) literal: BTreeSet<&'static str>,
    /// The variables it refers to.
    pub(super) mentioned: BTreeSet<String>,
    /// The fields whose values come from variables, and so are not for everybody's eyes.
    pub(super) substituted: BTreeSet<&'static str>,
}

impl Document {
    /// Reads `fields`.
    pub(super) fn read(fields: Map<String, Value>, environment: &Environment) -> Result<Self, FieldProblem> {
        let mut reader = Reader {
            environment,
            literal: BTreeSet::new(),
            mentioned: BTreeSet::new(),
            substituted: BTreeSet::new(),
        };
        let fields = reader.section("", fields)?;
        let Reader { literal, mentioned, substituted, .. } = reader;
        let document = Self { fields, literal, mentioned, substituted };
        document.check()?;
        Ok(document)
    }

    /// The rules that are about more than one field.
    fn check(&self) -> Result<(), FieldProblem> {
        if self.get("http.tls").and_then(Value::as_object).is_some_and(|tls| tls.len() == 1) {
            return Err(FieldProblem::new("http.tls", "must hold both certificate and key"));
        }
        if let Some(oauth) = self.get("http.oauth").and_then(Value::as_object) {
            let has = |name: &str| oauth.contains_key(name);
            if !has("issuer") || !has("audience") || has("jwksUri") == has("jwksFile") {
                let rule = "must hold issuer, audience and exactly one of jwksUri, jwksFile";
                return Err(FieldProblem::new("http.oauth", rule));
            }
        }
        if self.get("watch.webhook").is_some_and(|webhook| webhook.get("url").is_none()) {
            return Err(FieldProblem::new("watch.webhook", "must hold url"));
        }
        match self.get("security.keySource").and_then(Value::as_object) {
            Some(sources) if sources.len() != 1 => {
                let names = fields::names_in("security.keySource").join(", ");
                Err(FieldProblem::new("security.keySource", format!("must hold exactly one of {names}")))
            }
            _ => providers::check(self),
        }
    }

    /// What stands at a path.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.fields.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// The first field that only a file may set which the user has named or put in the place for it: what
    /// weakens protection.
    pub(super) fn needs_trust(&self) -> Option<&'static str> {
        let plaintext = self.get("security.encryption") == Some(&Value::Bool(false));
        // Beyond the machine without TLS.
        let proxy = self.get("http.behindProxy") == Some(&Value::Bool(true));
        let weakening = [
            (plaintext, "security.encryption"),
            (self.get("security.keySource").is_some(), "security.keySource"),
            (self.get("security.policy").is_some(), "security.policy"),
            (proxy, "http.behindProxy"),
            // Who issues tokens decides who gets in.
            (self.get("http.oauth").is_some(), "http.oauth"),
            // Somebody else's words would instruct one's own models.
            (self.get("agents.types").is_some(), "agents.types"),
            // Whatever may be named there is reached with the user's own login, by a program of the user's choice.
            (self.get("github.repositories").is_some(), "github.repositories"),
            (self.get("github.host").is_some(), "github.host"),
            (self.get("github.program").is_some(), "github.program"),
            (self.get("github.configDirectory").is_some(), "github.configDirectory"),
            (self.get("github.sandbox") == Some(&Value::Bool(false)), "github.sandbox"),
            // Whose code runs, and what it is told.
            (self.get("plugins.trustedKeys").is_some(), "plugins.trustedKeys"),
            (self.get("plugins.settings").is_some(), "plugins.settings"),
            // Nobody else decides what we are told, or where it is posted.
            (self.get("watch").is_some(), "watch"),
            // Nor what is taken out of what we store, or not.
            (self.get("guard").is_some(), "guard"),
        ];
        let weakening = weakening.into_iter().find(|(is_so, _)| *is_so).map(|(_, field)| field);
        weakening.or_else(|| providers::needs_trust(self))
    }

    /// Puts a value at a path.
    pub(super) fn set(&mut self, path: &str, value: Value) {
        // Of the ways to come by the key there is only one.
        if path.starts_with("security.keySource.")
            && let Some(Value::Object(security)) = self.fields.get_mut("security")
        {
            security.remove("keySource");
        }
        set(&mut self.fields, path, value);
    }
}

pub(super) fn set(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let section = fields.entry(section).or_insert_with(|| Value::Object(Map::new()));
            // What has been read has objects where the table has sections.
            if let Value::Object(inner) = section {
                set(inner, rest, value);
            }
        }
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    literal: BTreeSet<&'static str>,
    mentioned: BTreeSet<String>,
    substituted: BTreeSet<&'static str>,
}

impl Reader<'_> {
    fn section(
        &mut self,
        path: &str,
        fields: Map<String, Value>,
    ) -> Result<Map<String, Value>, FieldProblem> {
        let known = fields::names_in(path);
        let mut checked = Map::new();
        for (name, value) in fields {
            if !known.contains(&name.as_str()) {
                return Err(unknown(path, &name, &known));
            }
            let inner = fields::join(path, &name);
            let value = match (fields::find(&inner), value) {
                (Some(field), value) => self.leaf(field, value)?,
                (None, Value::Object(fields)) => Value::Object(self.section(&inner, fields)?),
                (None, _) => return Err(FieldProblem::new(inner, "must be an object")),
            };
            checked.insert(name, value);
        }
        Ok(checked)
    }

    fn leaf(&mut self, field: &'static Field, value: Value) -> Result<Value, FieldProblem> {
        if is_sensitive(field.kind, &value) {
            self.literal.insert(field.path);
        }
        let value = match value {
            Value::String(text) => {
                let value = self.replaced(field.path, &text)?;
                if value != text {
                    self.substituted.insert(field.path);
                }
                Value::String(value)
            }
            Value::Array(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| match item {
                    Value::String(text) => {
                        self.replaced(&format!("{}[{index}]", field.path), &text).map(Value::String)
                    }
                    other => Ok(other),
                });
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(settings) if matches!(field.kind, Kind::PluginSettings) => {
                Value::Object(self.settings(field.path, settings)?)
            }
            other => other,
        };
        if let (Kind::Variable, Value::String(name)) = (field.kind, &value) {
            self.mentioned.insert(name.clone());
        }
        if field.kind.holds(&value) {
            Ok(value)
        } else {
            Err(FieldProblem::new(field.path, field.kind.rule()))
        }
    }

    /// Settings of plugins, whose names are no fields of ours.
    fn settings(
        &mut self,
        path: &'static str,
        plugins: Map<String, Value>,
    ) -> Result<Map<String, Value>, FieldProblem> {
        let mut read = Map::new();
        for (plugin, settings) in plugins {
            let settings = match settings {
                Value::Object(settings) => {
                    let mut replaced = Map::new();
                    for (key, value) in settings {
                        let value = match value {
                            Value::String(text) => Value::String(self.replaced(path, &text)?),
                            other => other,
                        };
                        replaced.insert(key, value);
                    }
                    Value::Object(replaced)
                }
                other => other,
            };
            read.insert(plugin, settings);
        }
        Ok(read)
    }

    /// The text with each `${VAR}` replaced by the variable's value, and each `$${` by `${`. What comes out
    /// of a variable is not looked at again.
    fn replaced(&mut self, path: &str, text: &str) -> Result<String, FieldProblem> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let (name, after) =
                after.split_once('}').filter(|(name, _)| is_variable(name)).ok_or_else(|| {
                    FieldProblem::new(
                        path,
                        "must have the name of a variable and `}` after `${`; `$${` stands for `${`",
                    )
                })?;
            out.push_str(self.variable(path, name)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn variable(&mut self, path: &str, name: &str) -> Result<&str, FieldProblem> {
        self.mentioned.insert(name.to_owned());
        let problem = |what: &str| {
            FieldProblem::new(path, format!("refers to the environment variable `{name}`, which is {what}"))
        };
        match self.environment.get(name) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(problem("not set")),
            Err(NotText) => Err(problem("not UTF-8")),
        }
    }
}

/// Whether the file itself must be kept from others because of this field.
fn is_sensitive(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Secret | Kind::Webhook, Value::String(text)) => !only_variables(text),
        (Kind::PluginSettings, Value::Object(plugins)) => {
            let settings = plugins.values().filter_map(Value::as_object).flat_map(Map::values);
            settings.filter_map(Value::as_str).any(|text| !only_variables(text))
        }
        // Arguments can be secrets, and whoever can write the file could run a program.
        (Kind::Command, _) => true,
        _ => false,
    }
}

/// Whether a text is made up of nothing but `${VAR}`.
fn only_variables(text: &str) -> bool {
    let mut rest = text;
    while let Some((name, after)) = rest.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
        if !is_variable(name) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn unknown(section: &str, name: &str, known: &[&str]) -> FieldProblem {
    let plain = name.len() <= NAME_SHOWN && is_variable(name);
    let known = known.join(", ");
    if plain {
        FieldProblem::new(fields::join(section, name), format!("is not a field; known here: {known}"))
    } else {
        FieldProblem::new(section, format!("holds a field that is not known; known here: {known}"))
    }
}
