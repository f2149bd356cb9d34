//! There is no default scope.

use agentstack_access::Scope;

fn defaulted<T: Default>() {}

fn main() {
    defaulted::<Scope>();
}
