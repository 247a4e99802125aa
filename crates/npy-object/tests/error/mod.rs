//! Tests of errors: their texts, their clauses, and the limits.

mod limits;
mod rules;
mod texts;
