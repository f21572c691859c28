//! The rankine binary.
fn main() {}
