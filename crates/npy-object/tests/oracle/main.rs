//! What is held against the oracle's fixtures.

mod arrays;
mod conformance;
mod containers;
mod fixtures;
mod properties;
mod sources;
mod ways;
