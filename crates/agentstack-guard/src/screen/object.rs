//! Objects: each name, each value behind its name, at any depth.

use std::collections::{HashMap, HashSet};

use agentstack_core::FindingField;
use serde_json::{Map, Value};

use super::Refused;
use super::desk::{ALONE, Changed, Desk};

/// The names that a value is looked at behind: its own, and what is left of it if that is not the same.
type Names<'a> = Vec<&'a str>;

impl Desk<'_> {
    /// The depth is bounded where the object comes in, so recursion is safe here.
    pub(super) fn object(
        &mut self,
        object: &Map<String, Value>,
    ) -> Result<Option<Changed<Map<String, Value>>>, Refused> {
        let mut by = None;
        let mut names: Vec<Option<String>> = Vec::with_capacity(object.len());
        for name in object.keys() {
            let changed = self.text(FindingField::Metadata, &ALONE, name)?;
            by = by.or(changed.as_ref().map(|changed| changed.by));
            names.push(changed.map(|changed| changed.to));
        }
        number(object, &mut names);
        let mut values: Vec<Option<Value>> = Vec::with_capacity(object.len());
        for ((name, value), new) in object.iter().zip(&names) {
            let behind: Names<'_> = [name].into_iter().chain(new).map(String::as_str).collect();
            let changed = self.value(&behind, value)?;
            by = by.or(changed.as_ref().map(|changed| changed.by));
            values.push(changed.map(|changed| changed.to));
        }
        let Some(by) = by else { return Ok(None) };
        let fields = object.iter().zip(names).zip(values).map(|(((name, value), new), changed)| {
            (new.unwrap_or_else(|| name.clone()), changed.unwrap_or_else(|| value.clone()))
        });
        Ok(Some(Changed { to: fields.collect(), by }))
    }

    fn value(&mut self, names: &[&str], value: &Value) -> Result<Option<Changed<Value>>, Refused> {
        match value {
            Value::String(text) => {
                let changed = self.text(FindingField::Metadata, names, text)?;
                Ok(changed.map(|Changed { to, by }| Changed { to: Value::String(to), by }))
            }
            Value::Array(items) => self.array(names, items),
            Value::Object(object) => {
                let changed = self.object(object)?;
                Ok(changed.map(|Changed { to, by }| Changed { to: Value::Object(to), by }))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(None),
        }
    }

    fn array(&mut self, names: &[&str], items: &[Value]) -> Result<Option<Changed<Value>>, Refused> {
        let changed =
            items.iter().map(|item| self.value(names, item)).collect::<Result<Vec<_>, Refused>>()?;
        let Some(by) = changed.iter().flatten().map(|changed| changed.by).next() else { return Ok(None) };
        let items = items.iter().zip(changed);
        let out = items.map(|(item, changed)| changed.map_or_else(|| item.clone(), |changed| changed.to));
        Ok(Some(Changed { to: Value::Array(out.collect()), by }))
    }
}

/// Numbers the new names that are taken already, so that no value is lost.
fn number(object: &Map<String, Value>, names: &mut [Option<String>]) {
    if names.iter().all(Option::is_none) {
        return;
    }
    let unchanged = object.keys().zip(names.iter()).filter(|(_, new)| new.is_none());
    let mut taken: HashSet<String> = unchanged.map(|(name, _)| name.clone()).collect();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for name in names.iter_mut().flatten() {
        let last = numbers.entry(name.clone()).or_insert(1);
        let mut free = name.clone();
        while !taken.insert(free.clone()) {
            *last += 1;
            // With a space, so that the number is no part of what stands before it.
            free = format!("{name} #{last}");
        }
        *name = free;
    }
}
