//! The contract of the API crate, from outside.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod json;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod parse;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod support;
#[cfg(test)]
mod views;
