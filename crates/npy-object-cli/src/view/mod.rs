//! `npyo view`: a page that shows what is in files, served on 127.0.0.1.
//!
//! | file | what it has |
//! |---|---|
//! | `server` | the server and its headers |
//! | `guard` | which requests are answered |
//! | `routes` | the requests of the page, each with a bound on its answer |
//! | `query`, `answer` | parameters, and what is sent |
//! | `files`, `place` | the files, and the arrays and containers that are open |
//! | `summary`, `rows`, `tree`, `instructions`, `search`, `reports` | the answers |
//! | `numbers`, `plots` | numbers, read in parts; lines, images and histograms of them |
//! | `assets` | the page: HTML, CSS and modules of JavaScript |
//!
//! The page is for a person at the same machine. It can be read by nobody without the token in its
//! address, writes nothing, and loads nothing from elsewhere. Text from files is put in the page as
//! text.

mod answer;
mod assets;
mod files;
mod guard;
mod instructions;
mod numbers;
mod place;
mod plots;
mod query;
mod reports;
mod routes;
mod rows;
mod search;
mod server;
mod summary;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use npy_object::{Limits, Options};

use self::files::Files;
use self::routes::Routes;

/// Serves a page about these files until the process ends. Calls `ready` with its address first.
///
/// Fails where there is no port on 127.0.0.1, and where `ready` fails.
pub(crate) fn serve(
    paths: &[PathBuf],
    limits: Limits,
    options: Options,
    ready: impl FnOnce(&str) -> io::Result<()>,
) -> io::Result<()> {
    let files = Files::find(paths, limits, options);
    server::serve(&Routes::new(files), ready)
}

/// Locks a value, also after a thread that held it has panicked: each request sets what it uses.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
