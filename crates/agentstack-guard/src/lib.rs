//! What a text holds that somebody should know about: secrets, personal data, hidden characters, sentences that are
//! aimed at a model, links that carry data away (S18, S50).
//!
//! [`scan`] reports [`Finding`]s, [`redact`] replaces them, [`visible`] leaves out what a reader cannot see. A
//! [`Policy`] says what follows from a finding, and [`screen`] does what it says to everything that is to be kept. [`fence`] renders what is recalled as a text that no content can break out of.
//!
//! Findings are signals and no wall: whoever knows these rules can write around them. What a memory may be used for is
//! decided by where it came from.
//!
//! A [`Redactor`] is for what leaves the process and is no data: log lines, errors, panics. It takes out the secrets that it has
//! been told and what looks like one.
//!
//! **Invariant:** pure. No I/O, no clock, no randomness, no state between calls but tables that are built once
//! and the secrets a `Redactor` was told. The
//! work is linear in the length of the text, whatever the text is: every look back or ahead from a place has a limit.

mod finding;
mod kind;

mod bytes;
mod collect;
mod exfiltration;
mod hidden;
mod instruction;
mod pii;
mod redact;
mod scan;
mod secret;
mod trigger;

mod policy;
mod screen;

mod redactor;

pub mod fence;

pub use agentstack_core::Confidence;
pub use finding::{Finding, MAX_FINDINGS};
pub use hidden::visible;
pub use kind::{Class, Kind};
pub use policy::{Action, Area, Policy, Rule, Subject};
pub use redact::redact;
pub use redactor::{Redactor, Scrubbing};
pub use scan::scan;
pub use screen::{
    Draft, Refused, Screened, ScreenedObject, ScreenedText, screen, screen_object, screen_text,
};
#[cfg(feature = "testing")]
pub use secret::{Sample, samples};
