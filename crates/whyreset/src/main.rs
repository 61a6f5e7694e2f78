//! The binary: arguments, wiring, exit codes.

fn main() {}
