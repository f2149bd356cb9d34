//! The binary, run as an operator would.
#![expect(clippy::disallowed_methods, reason = "the tests start the binary")]

#[cfg(test)]
mod endurance;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod ready;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod start;
