//! Decoding on several threads.
//!
//! Threads take turns at the survey: whoever has finished a stretch of elements surveys the next
//! one, with its own window on the file, and decodes what it has found there while others survey
//! on. The results of each stretch come through a channel of their own. These channels are queued in
//! the order of the stretches, so that results are in order, and nobody runs ahead further than the
//! queue is long.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use pickle_stream::Container;

use crate::decode::decoder::Decoder;
use crate::decode::members::Members;
use crate::error::{Error, Result};
use crate::locate::batches::{Batch, Batches};
use crate::locate::checkpoints::{Addresses, Checkpoint, Stretch};
use crate::value::element::Element;

/// Stretches that may wait to be looked at, for each thread.
const AHEAD: usize = 2;
/// Bytes of a stretch, at least: as many as a window keeps, less what is read ahead.
const STRETCH: u64 = 3 << 18;
/// Elements of a stretch, at least, where that is less: the place of each is kept.
const STRETCH_ELEMENTS: usize = 1 << 15;
/// Elements whose results are sent at once, and how many such parcels of a stretch may wait.
const PARCEL: u64 = 8192;
const PARCELS: usize = 2;
/// Bytes of elements after which results are sent though they are fewer.
const PARCEL_BYTES: u64 = 1 << 20;

/// What came of elements that lie behind one another, and how many they were; or the error that
/// stands in their place.
type Parcel<A> = Result<(A, u64)>;

/// What is to be done with the elements of a parcel: on any thread, whose own it is.
pub(crate) struct Work<New, Fold> {
    /// What there is before the first of them.
    pub(crate) new: New,
    /// Adds an element.
    pub(crate) fold: Fold,
}

/// What the threads share. The second lock may be taken under the first, and alone.
struct Shared<'a, A> {
    turn: Mutex<Turn<A>>,
    batches: Mutex<&'a mut Batches>,
    /// The first element that is wanted.
    position: u64,
}

/// What belongs to the thread whose turn it is.
struct Turn<A> {
    /// Where the results of each stretch are announced; `None` when nothing more is to come.
    queue: Option<SyncSender<Receiver<Parcel<A>>>>,
    /// Where the next stretch begins.
    next: Checkpoint,
}

/// A stretch of elements, the error behind them, if there is one, and where the results go.
struct Task<A> {
    batch: Batch,
    error: Option<Error>,
    results: SyncSender<Parcel<A>>,
}

/// Does the work with the elements from the members' position on, on so many threads, and `each`
/// with what comes of each parcel of them, in order, on this one.
pub(crate) fn fold<A, New, Fold>(
    members: &mut Members,
    threads: usize,
    work: &Work<New, Fold>,
    mut each: impl FnMut(A) -> ControlFlow<()>,
) -> Result<()>
where
    A: Send,
    New: Fn() -> A + Sync,
    Fold: Fn(&mut A, Element<'_>) + Sync,
{
    let position = members.position();
    let mut batch = members.batches.start();
    let source = members.decoder.window.source().clone();
    let found = members.batches.find(position, &mut members.decoder.window, &mut batch);
    found.map_err(|error| source.explain(error))?;
    let decoders = (0..threads).map(|_| members.decoder.sibling(&members.batches));
    let decoders = decoders.collect::<Result<Vec<Decoder>>>()?;
    let (queue, announced) = sync_channel(threads * AHEAD);
    let shared = Shared {
        turn: Mutex::new(Turn { queue: Some(queue), next: batch.begin() }),
        batches: Mutex::new(&mut members.batches),
        position,
    };
    let mut done = position;
    let outcome: Result<bool> = thread::scope(|scope| {
        for decoder in decoders {
            scope.spawn(|| shared.work(decoder, work));
        }
        // When this ends, early or not, the channels go, and the threads end too.
        for parcels in announced {
            for parcel in parcels {
                let (result, elements) = parcel?;
                done += elements;
                if each(result).is_break() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    });
    members.seek(done);
    if outcome? {
        members.verify()?;
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

    /// The next stretch, once it is this thread's turn; `None` where there is none.
    fn next(&self, decoder: &mut Decoder) -> Option<Task<A>> {
        let mut turn = lock(&self.turn);
        let (results, parcels) = sync_channel(PARCELS);
        // Here a thread waits that is ahead.
        if turn.queue.as_ref()?.send(parcels).is_err() {
            turn.queue = None;
            return None;
        }
        let mut batch = Batch::before(turn.next);
        decoder.window.set_anchor(turn.next.offset);
        let mut error = None;
        while batch.next().offset - batch.begin().offset < STRETCH && batch.len() < STRETCH_ELEMENTS
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

    /// Decodes a stretch. Breaks where nobody waits for more.
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
        let send = |parcel| match results.send(parcel) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let (mut parcel, mut elements, mut bytes) = ((work.new)(), 0, 0);
        let passed = self.position.saturating_sub(batch.begin().member) as usize;
        for place in passed..batch.len() {
            let span = batch.values(place, 1)[0];
            match decoder.decode(&[span], &self.batches) {
                Ok(decoded) => {
                    (work.fold)(&mut parcel, decoder.element(decoded, decoded.first));
                }
                Err(here) => {
                    let number = batch.begin().member + place as u64;
                    error = Some(decoder.window.source().explain(here).of_element(number));
                    break;
                }
            }
            elements += 1;
            bytes += span.end - span.begin;
            if elements == PARCEL || bytes >= PARCEL_BYTES {
                send(Ok((std::mem::replace(&mut parcel, (work.new)()), elements)))?;
                (elements, bytes) = (0, 0);
            }
        }
        send(Ok((parcel, elements)))?;
        match error {
            Some(error) => send(Err(error)),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Addresses for Mutex<&mut Batches> {
    fn around_entry(&self, memo: u64) -> Result<Option<(Stretch, Container)>> {
        lock(self).around_entry(memo)
    }
}

/// A panic of one thread comes out where the threads are joined, and need not make others panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
