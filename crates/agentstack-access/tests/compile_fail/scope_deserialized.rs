//! A scope is not read from anywhere.

use agentstack_access::Scope;
use serde::Deserialize;

#[derive(Deserialize)]
struct Smuggled {
    scope: Scope,
}

fn main() {}
