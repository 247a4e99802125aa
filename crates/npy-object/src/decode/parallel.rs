//! Decoding on several threads.
//!
//! A task is a run of elements. Threads take turns at the survey: a thread that has finished its task
//! surveys the next one, with its own window on the file, and decodes these elements while other
//! threads survey on. The results of each task come through a channel of its own. The channels are
//! queued in the order of the tasks, so the results are in order, and no thread is ahead by more than
//! the length of the queue.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use pickle_stream::Container;

use crate::decode::decoder::Decoder;
use crate::decode::objects::Objects;
use crate::error::{Error, Result};
use crate::locate::batches::{Batch, Batches};
use crate::locate::checkpoints::{Addresses, Checkpoint, Interval};
use crate::value::element::Element;

/// Tasks that may wait in the queue, for each thread.
const AHEAD: usize = 2;
/// The least bytes of a task: as many as a window keeps, less the bytes that are read ahead.
const TASK_BYTES: u64 = 3 << 18;
/// The number of elements after which a task may have fewer bytes, as the span of each is kept.
const TASK_ELEMENTS: usize = 1 << 15;
/// Elements whose results are sent in one chunk, and the number of chunks of a task that may wait.
const CHUNK: u64 = 8192;
const CHUNKS: usize = 2;
/// Bytes of elements after which a chunk of fewer elements is sent.
const CHUNK_BYTES: u64 = 1 << 20;

/// The result of consecutive elements, and their number; or the error that comes after the last chunk.
type Chunk<A> = Result<(A, u64)>;

/// How the result of a chunk is made, on any thread.
pub(crate) struct Work<New, Fold> {
    /// Makes the result of no elements.
    pub(crate) new: New,
    /// Adds an element to a result.
    pub(crate) fold: Fold,
}

/// The state that the threads share. The second lock may be taken under the first, and alone.
struct Shared<'a, A> {
    turn: Mutex<Turn<A>>,
    batches: Mutex<&'a mut Batches>,
    /// The first element that is wanted.
    position: u64,
}

/// The state that belongs to the thread whose turn it is.
struct Turn<A> {
    /// The queue of the channels of the tasks; `None` after the last task.
    queue: Option<SyncSender<Receiver<Chunk<A>>>>,
    /// Where the next task begins.
    next: Checkpoint,
}

/// A run of elements, the error after them, if there is one, and the channel of their results.
struct Task<A> {
    batch: Batch,
    error: Option<Error>,
    results: SyncSender<Chunk<A>>,
}

/// Does the work with the elements from `position` on, on this number of threads, and `each` with the
/// result of each chunk of them, in order, on this one. `position` is moved past the elements whose
/// results were taken.
pub(crate) fn fold<A, New, Fold>(
    objects: &mut Objects,
    position: &mut u64,
    threads: usize,
    work: &Work<New, Fold>,
    mut each: impl FnMut(A) -> ControlFlow<()>,
) -> Result<()>
where
    A: Send,
    New: Fn() -> A + Sync,
    Fold: Fn(&mut A, Element<'_>) + Sync,
{
    let mut batch = objects.batches.start();
    let source = objects.decoder.window.source().clone();
    let found = objects.batches.find(*position, &mut objects.decoder.window, &mut batch);
    found.map_err(|error| source.explain(error))?;
    let decoders: Vec<Decoder> = (0..threads).map(|_| objects.decoder.sibling()).collect();
    let (queue, announced) = sync_channel(threads * AHEAD);
    let shared = Shared {
        turn: Mutex::new(Turn { queue: Some(queue), next: batch.begin() }),
        batches: Mutex::new(&mut objects.batches),
        position: *position,
    };
    let outcome: Result<bool> = thread::scope(|scope| {
        for decoder in decoders {
            scope.spawn(|| shared.work(decoder, work));
        }
        // The channels close when this function returns, also early, and then the threads end.
        for chunks in announced {
            for chunk in chunks {
                let (result, elements) = chunk?;
                *position += elements;
                if each(result).is_break() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    });
    if outcome? {
        objects.verify()?;
    }
    Ok(())
}

impl<A> Shared<'_, A> {
    fn work<New, Fold>(&self, mut decoder: Decoder, work: &Work<New, Fold>)
    where
        New: Fn() -> A,
        Fold: Fn(&mut A, Element<'_>),
    {
        while let Some(task) = self.next(&mut decoder) {
            if self.decode(&mut decoder, task, work).is_break() {
                return;
            }
        }
    }

    /// Returns the next task, once it is this thread's turn; `None` where there is none.
    fn next(&self, decoder: &mut Decoder) -> Option<Task<A>> {
        let mut turn = lock(&self.turn);
        let (results, chunks) = sync_channel(CHUNKS);
        // A thread that is ahead waits here.
        if turn.queue.as_ref()?.send(chunks).is_err() {
            turn.queue = None;
            return None;
        }
        let mut batch = Batch::before(turn.next);
        decoder.window.set_anchor(turn.next.offset);
        let mut error = None;
        while batch.next().offset - batch.begin().offset < TASK_BYTES && batch.len() < TASK_ELEMENTS
        {
            let surveyed = lock(&self.batches).extend(&mut decoder.window, &mut batch);
            if !matches!(surveyed, Ok(true)) {
                turn.queue = None;
                error = surveyed.err().map(|error| decoder.window.source().explain(error));
                break;
            }
        }
        turn.next = batch.next();
        Some(Task { batch, error, results })
    }

    /// Decodes a task. Breaks where the receiver has gone.
    fn decode<New, Fold>(
        &self,
        decoder: &mut Decoder,
        task: Task<A>,
        work: &Work<New, Fold>,
    ) -> ControlFlow<()>
    where
        New: Fn() -> A,
        Fold: Fn(&mut A, Element<'_>),
    {
        let Task { batch, mut error, results } = task;
        let send = |chunk| match results.send(chunk) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let (mut chunk, mut elements, mut bytes) = ((work.new)(), 0, 0);
        let passed = self.position.saturating_sub(batch.begin().member) as usize;
        for place in passed..batch.len() {
            let values = batch.values(place, 1);
            let span = values.spans[0];
            match decoder.decode(values, &self.batches) {
                Ok(decoded) => {
                    (work.fold)(&mut chunk, decoder.element(decoded, decoded.first));
                }
                Err(here) => {
                    let number = batch.begin().member + place as u64;
                    error = Some(decoder.window.source().explain(here).of_element(number));
                    break;
                }
            }
            elements += 1;
            bytes += span.end - span.begin;
            if elements == CHUNK || bytes >= CHUNK_BYTES {
                send(Ok((std::mem::replace(&mut chunk, (work.new)()), elements)))?;
                (elements, bytes) = (0, 0);
            }
        }
        send(Ok((chunk, elements)))?;
        match error {
            Some(error) => send(Err(error)),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Addresses for Mutex<&mut Batches> {
    fn around_entry(&self, memo: u64) -> Result<Option<(Interval, Container)>> {
        lock(self).around_entry(memo)
    }
}

/// Locks a mutex, also after a panic of another thread, which is reported when the threads are
/// joined.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
