//! The use cases, from a call's arguments to its answer and its audit record.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod audit_query;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod code_host;
#[cfg(test)]
mod coordination;
#[cfg(test)]
mod embedding;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod noninterference;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod run;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod strings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod watch;
