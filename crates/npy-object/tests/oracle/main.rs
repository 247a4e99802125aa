//! What is held against the oracle's fixtures.

mod arrays;
mod auditing;
mod conformance;
mod containers;
mod encoding;
mod fetching;
mod fixtures;
mod packed;
mod properties;
mod salvage;
mod sources;
mod ways;
mod writing;
