//! Tests of `source`: streams, sections, gzip, archives, and files that are fetched.

mod remote;
mod sources;
