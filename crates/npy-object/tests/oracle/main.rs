//! What is held against the oracle's fixtures.

mod arrays;
mod auditing;
mod conformance;
mod containers;
mod encoding;
mod fetching;
mod fixtures;
mod looking;
mod packed;
#[path = "../../../pickle-stream/tests/support/pickler.rs"]
mod pickler;
mod properties;
mod salvage;
mod sources;
#[allow(dead_code, reason = "most random streams are for the tests of pickle-stream")]
#[path = "../../../pickle-stream/tests/support/streams.rs"]
mod streams;
mod ways;
mod writing;
