//! The use cases, from a call's arguments to its answer and its audit record.

mod agents;
mod answers;
mod calls;
mod errors;
mod expiry;
mod faulty;
mod isolation;
mod labels;
mod log;
mod noninterference;
mod pages;
mod secrets;
mod strings;
mod support;
mod versions;
