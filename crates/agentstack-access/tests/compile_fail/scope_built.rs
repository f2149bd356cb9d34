//! A scope is not built by hand.

use agentstack_access::{Scope, SharedNamespaces};

fn forged(model: Scope) -> Scope {
    Scope {
        principal: anything(),
        request: model.request(),
        operation: model.operation(),
        session: None,
        overseer: true,
        namespace: None,
        shared: SharedNamespaces::Included,
        agent: None,
        at: model.at(),
    }
}

fn anything<T>() -> T {
    std::process::abort()
}

fn main() {}
