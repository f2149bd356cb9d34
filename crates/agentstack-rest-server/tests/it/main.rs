//! The binary, run as an operator would.

#[cfg(test)]
mod endurance;
#[cfg(test)]
mod server;
#[cfg(test)]
mod start;
