//! Models that the tests write, and what becomes of texts and of folders that are broken. No model is fetched.

#[cfg(test)]
mod bert;
#[cfg(test)]
mod embedder;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixed;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod world;
