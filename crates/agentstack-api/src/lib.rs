//! The table of operations, their requests and answers, and the documents made from it.
//!
//! A call comes in as bytes, which [`json::check`] holds to strict JSON; [`parse`] turns its arguments
//! into a [`Command`] of checked values, and nothing behind it checks them again. The engine answers
//! with a [`Reply`] or the transport with an [`ErrorBody`]. What callers can read about all this (the MCP
//! tool list, the reference page) is derived from [`OPERATIONS`].
//!
//! **Invariant:** no storage, no transport, no policy; and no error that repeats what a caller sent.

pub mod command;
pub mod document;
pub mod error;
mod input;
pub mod operations;
mod request;
mod schema;
pub mod view;

pub use agentstack_core::json::{self, JsonError};
pub use error::{ErrorBody, ErrorCode};
pub use input::InputError;
pub use operations::{Command, Method, OPERATIONS, Reply, Route, Spec, all_operations, find, parse};
