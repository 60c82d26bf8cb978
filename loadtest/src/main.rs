//! Open-loop load generator for Larder.

fn main() {}
