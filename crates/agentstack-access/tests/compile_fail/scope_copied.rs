//! A scope that was granted lends nothing to another.

use agentstack_access::Scope;

fn overseer(scope: Scope) -> Scope {
    Scope { overseer: true, ..scope }
}

fn main() {}
