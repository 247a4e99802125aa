//! Tests of the memory that reading takes: allocations, peaks, and files that ask for too much.
//!
//! They have a binary of their own because they replace the allocator.

mod allocations;
mod allocator;
mod bombs;
mod hostile;
mod promises;
