//! What notebooks show of an array, a container, an archive or an audit: HTML without scripts, of
//! bounded size. `page` has the text, `plot` the drawings.
//!
//! Everything that comes from a file is escaped. Colours are those of Jupyter, or follow
//! `prefers-color-scheme`.

pub(crate) mod page;
mod plot;
