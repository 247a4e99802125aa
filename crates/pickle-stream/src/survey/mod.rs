//! Where elements begin and end.

pub(crate) mod fast;
pub(crate) mod likeness;
pub(crate) mod locate;
pub(crate) mod walk;
