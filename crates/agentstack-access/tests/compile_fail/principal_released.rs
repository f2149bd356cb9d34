//! A principal that is bound to an agent does not let go of it.

use agentstack_access::Principal;

fn released(principal: Principal) -> Principal {
    Principal { agent: None, ..principal }
}

fn main() {}
