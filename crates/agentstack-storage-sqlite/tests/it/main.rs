//! The embedded backend: the suite of all backends, and what is SQLite's own.

#[cfg(test)]
mod coordination;
#[cfg(test)]
mod ended;
#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod files;
#[cfg(test)]
mod known;
#[cfg(test)]
mod maintain;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod reference_file;
#[cfg(test)]
mod residue;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod support;

#[cfg(test)]
mod encrypted {
    agentstack_storage::conformance_tests!(crate::support::encrypted);
}
#[cfg(test)]
mod unencrypted {
    agentstack_storage::conformance_tests!(crate::support::unencrypted);
}
#[cfg(test)]
mod small_segments {
    agentstack_storage::conformance_tests!(crate::support::small_segments);
}
