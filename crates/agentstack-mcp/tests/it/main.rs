//! The protocol as rmcp's own client speaks it, over a pipe within this process.

#[cfg(test)]
mod runs;
