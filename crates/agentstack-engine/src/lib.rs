//! The use cases: what happens between a call and the store.
//!
//! [`Engine::call`] is the one way in: authorize → scope → use case → store, and one audit record and
//! one log line for each call, whatever became of it.
//!
//! **Invariant:** no JSON-RPC, no HTTP, no SQL, no policy. What a caller is told of an error is chosen
//! here; what caused it goes to the log.

mod admission;
mod answer;
mod audit;
mod cursor;
mod engine;
mod failure;
mod journal;
mod memory;
mod policy;
mod quota;
mod session;
mod system;
mod token;

pub use admission::CallLimits;
pub use agentstack_storage::Figures;
pub use engine::{AUTHENTICATION, Ended, Engine, Observer, Parts, Settings};
