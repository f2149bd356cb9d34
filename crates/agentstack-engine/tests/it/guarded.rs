//! What the guard does to what is stored, and what is left for readers of it.

mod fenced;
mod rest;
mod secrets;
mod trusted;
mod unseen;

use serde_json::Value;

/// The findings of a label, each as its field, kind and treatment.
fn findings(label: &Value) -> Vec<(String, String, String)> {
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let all = label["findings"].as_array().unwrap().iter();
    all.map(|finding| (word(finding, "field"), word(finding, "kind"), word(finding, "treatment"))).collect()
}
