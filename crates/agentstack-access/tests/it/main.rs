//! Who may do what, and that there is no other way to it.

#[cfg(test)]
mod authorize;
#[cfg(test)]
mod compile;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod random;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod support;
