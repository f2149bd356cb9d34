//! A scope that was granted does not grow.

use agentstack_access::Scope;
use agentstack_core::SessionId;

fn elsewhere(mut scope: Scope, session: SessionId) -> Scope {
    scope.session = Some(session);
    scope
}

fn main() {}
