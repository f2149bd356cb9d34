//! `gh` as a process: what it is given, what it may do to us, and what becomes of it.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod corpora;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod real;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod world;
