//! A principal does not promote itself.

use agentstack_access::{Principal, Role};

fn promoted(mut principal: Principal) -> Principal {
    principal.role = Role::Operator;
    principal
}

fn main() {}
