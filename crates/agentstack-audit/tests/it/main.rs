//! The audit crate from outside.

#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod record;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod verify;
