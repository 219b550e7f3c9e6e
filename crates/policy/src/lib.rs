//! Facts, policy files, decide, explain, find, simulate: pure.
