//! A scope has no constructor of its own.

use agentstack_access::Scope;

fn main() {
    let _ = Scope::new();
}
