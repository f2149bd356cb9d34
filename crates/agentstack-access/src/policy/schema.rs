//! The Cedar schema: the names that a policy may use, made from the operations.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::model::{NAMESPACE, OWN_NAMESPACE, ROLE, SERVICE, SESSION, THE_SERVICE, USER};
use crate::{Effect, Operation, Reach, Role};

/// The schema that policies over these operations are held against.
#[must_use]
pub fn schema(operations: &[&Operation]) -> String {
    let roles = Role::ALL.map(|role| format!("\"{role}\"")).join(", ");
    let mut text = format!(
        "// What a policy can speak of. Generated from the table of operations by `cargo xtask codegen`.\n\
         // docs/policy.md explains it.\n\
         \n\
         entity {ROLE} enum [{roles}];\n\
         \n\
         // A caller. `name` says what its credential is (`token:ci`, `local:uid-1000`); `agent` is there if the\n\
         // credential speaks for one agent alone.\n\
         entity {USER} in [{ROLE}] = {{ name: String, role: String, agent?: String }};\n\
         \n\
         // The installation, and what belongs to the caller as a whole.\n\
         entity {SERVICE} enum [\"{THE_SERVICE}\"];\n\
         \n\
         // A session; `held` says whether it is the caller's own.\n\
         entity {SESSION} = {{ held: Bool }};\n\
         \n\
         // Where memory is kept: a shared namespace under its name, and as \"{OWN_NAMESPACE}\" that of the caller's\n\
         // own session.\n\
         entity {NAMESPACE} = {{ name: String, shared: Bool }};\n\
         \n\
         // Groups of operations: by what they do to what is kept, and by what they are about.\n"
    );
    for group in groups(operations) {
        let _ = writeln!(text, "action \"{group}\";");
    }
    text.push_str("\n// The operations.\n");
    for operation in operations {
        let groups = operation.groups().map(|group| format!("\"{group}\"")).collect::<Vec<_>>().join(", ");
        let resource = resource_type(operation.reach);
        let _ = writeln!(
            text,
            "action \"{}\" in [{groups}] appliesTo {{ principal: [{USER}], resource: [{resource}] }};",
            operation.name
        );
    }
    text
}

/// The groups there are. Those by effect are always there.
fn groups(operations: &[&Operation]) -> BTreeSet<&'static str> {
    let effects = Effect::ALL.map(Effect::as_str).into_iter();
    effects.chain(operations.iter().flat_map(|operation| operation.groups())).collect()
}

fn resource_type(reach: Reach) -> &'static str {
    match reach {
        Reach::Principal => SERVICE,
        Reach::Session => SESSION,
        Reach::Namespace | Reach::Namespaces => NAMESPACE,
    }
}
