//! Components that behave, and components that do not.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod composed;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod features;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod time;
#[cfg(test)]
mod world;
