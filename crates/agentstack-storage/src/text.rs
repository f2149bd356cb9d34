//! The pure text side of search: what of a text goes into the index, what a query asks for, how results are
//! ranked, and which part of an entry is shown. No I/O and no SQL.
//!
//! Every backend uses this one implementation, so that the same data gives the same answers everywhere, and
//! every function depends on its arguments alone: what another namespace holds cannot change an answer (S05).
//!
//! **Invariant:** an index [`Term`] never carries syntax of a query language; see there.

mod analyze;
mod compound;
pub mod cut;
mod fold;
#[cfg(test)]
mod properties;
mod query;
pub mod rank;
mod scan;
mod script;
pub mod snippet;
mod stem;
mod term;

pub use analyze::{ANALYSIS, Analyzed, analyze};
pub use query::{Match, QueryTerm, TextQuery};
pub use term::{MAX_TERM_CHARS, Term};
