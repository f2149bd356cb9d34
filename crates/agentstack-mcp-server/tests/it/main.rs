//! The binary as a client sees it: lines in, lines out, and what it leaves behind.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests start the binary, and find the corpora by a variable"
)]

#[cfg(test)]
mod agents;
#[cfg(test)]
mod client;
#[cfg(test)]
mod corpora;
#[cfg(test)]
mod github;
#[cfg(test)]
mod lifetime;
#[cfg(test)]
mod models;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod recalled;
#[cfg(test)]
mod revisions;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod start;
#[cfg(test)]
mod token;
#[cfg(test)]
mod wire;
