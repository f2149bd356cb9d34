//! The scan from outside: tables by kind, properties of any text, and how well it does on public corpora.
#![expect(clippy::string_slice, reason = "a span that is none should fail the test")]

#[cfg(test)]
mod corpora;
#[cfg(test)]
mod exfiltration;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod gitleaks;
#[cfg(test)]
mod hidden;
#[cfg(test)]
mod instruction;
#[cfg(test)]
mod pii;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod redactor;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod screen_properties;
#[cfg(test)]
mod secret;
#[cfg(test)]
mod support;
