//! The plugins crate from outside.

#[cfg(test)]
mod folder;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod minisign;
#[cfg(test)]
mod names;
#[cfg(test)]
mod narrowing;
#[cfg(test)]
mod package;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod succession;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verify;
