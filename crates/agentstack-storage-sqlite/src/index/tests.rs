//! The index as a whole.
