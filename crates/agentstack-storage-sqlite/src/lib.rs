//! The embedded backend: one SQLite file, encrypted with SQLCipher, searched with an index of its own.
//!
//! Reads and writes use one warm connection; a read that finds it busy for long takes one from a small pool.
//! (In WAL mode a connection forgets its page cache whenever *another* connection commits, and with
//! encryption on, reading the pages again means decrypting them again.)
//!
//! **Invariant:** every statement is constant text with bound parameters (S32).

mod agents;
mod audit;
mod briefly;
#[cfg(test)]
mod checks;
mod connect;
mod error;
mod facts;
mod files;
mod identities;
mod import;
mod index;
mod key;
mod known;
mod maintain;
mod memory;
mod migrate;
mod plugins;
mod reclaim;
mod reference_file;
mod review;
mod row;
mod search;
mod session;
mod store;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
mod tokens;
mod vectors;
mod veil;
mod version;
mod write;

pub use connect::{Encryption, OpenOptions, Renew};
pub use error::OpenError;
pub use files::{
    FileProblem, create_private_folder, new_private_file, private_file, private_log, read_private_file,
};
pub use index::IndexBounds;
pub use key::{KeyMaterial, MasterKey};
pub use maintain::{
    Checked, Checking, Fault, Holdings, MaintenanceError, Restored, check, rekey, restore, use_of_key,
};
pub use reference_file::{ReferenceFile, ReferenceFileProblem};
pub use store::SqliteStore;
