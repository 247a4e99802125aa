//! What is held against the oracle's fixtures.

mod conformance;
mod fixtures;
mod properties;
mod sources;
mod ways;
