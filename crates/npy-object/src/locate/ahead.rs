//! A second thread that surveys on while the elements of the last batches are decoded.
//!
//! The thread has [`Batches`] and a [`Window`] of its own, and sends each batch through a channel.
//! It ends after the last batch, at an error, or where the receiver is gone, and returns its
//! [`Batches`], which have surveyed further than those of the loop.

use std::panic;
use std::process;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::Result;
use crate::locate::batches::{Batch, Batches};
use crate::locate::checkpoints::Checkpoint;
use crate::source::window::Window;

/// Batches that wait in the channel.
const WAITING: usize = 2;

/// The thread, and what it has found.
pub(crate) struct Ahead {
    /// In a mutex that is never locked, as an array with it is shared by threads.
    found: Mutex<Receiver<Batch>>,
    /// Where the next batch begins.
    next: Checkpoint,
    thread: JoinHandle<Ended>,
    /// The process that has the thread. A fork of it has not.
    process: u32,
}

/// What the thread returns: its batches, and the result of [`Batches::next`] after the last batch that
/// was sent, which is `false` or an error.
type Ended = (Batches, Result<bool>);

/// What comes next.
pub(crate) enum Next {
    Batch(Batch, Ahead),
    /// The end of the thread, with what it returns.
    End(Box<Batches>, Result<bool>),
}

impl Ahead {
    /// Starts a thread that surveys on after a batch; `None` where the system has no more threads.
    pub(crate) fn start(batches: &Batches, after: &Batch, window: &Window) -> Option<Ahead> {
        let (sender, found) = sync_channel(WAITING);
        let (mut batches, mut window, next) = (batches.clone(), window.sibling(), after.next());
        let survey = move || {
            let mut batch = Batch::before(next);
            window.set_reading_on(true);
            loop {
                let outcome = batches.next(&mut window, &mut batch);
                let next = Batch::before(batch.next());
                if !matches!(outcome, Ok(true))
                    || sender.send(std::mem::replace(&mut batch, next)).is_err()
                {
                    return (batches, outcome);
                }
            }
        };
        let thread =
            thread::Builder::new().name("npy-object-ahead".to_owned()).spawn(survey).ok()?;
        Some(Ahead { found: Mutex::new(found), next, thread, process: process::id() })
    }

    /// Returns whether the next batch begins where this one ends, and will come.
    pub(crate) fn is_after(&self, batch: &Batch) -> bool {
        self.next == batch.next() && self.process == process::id()
    }

    /// Waits for the next batch, or for the end of the thread.
    pub(crate) fn next(mut self) -> Next {
        let found = self.found.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(batch) = found.recv() {
            self.next = batch.next();
            return Next::Batch(batch, self);
        }
        let ended = self.thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
        Next::End(Box::new(ended.0), ended.1)
    }

    /// Returns about how many bytes the batches take that are surveyed or wait, if each takes as many.
    pub(crate) fn memory(&self, batch: usize) -> usize {
        (WAITING + 1) * batch
    }
}
