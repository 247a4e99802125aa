//! Decoding on several threads.
//!
//! Threads take turns at the survey: whoever has finished a batch surveys the next one, with its
//! own window on the file, and decodes what it has found there while others survey on. The results
//! of each batch come through a channel of their own. These channels are queued in the order of the
//! batches, so that results are in order, and nobody runs ahead further than the queue is long.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use pickle_stream::Container;

use crate::batches::{Batch, Batches};
use crate::checkpoints::{Addresses, Checkpoint};
use crate::decoder::Decoder;
use crate::error::Result;
use crate::members::Members;
use crate::value::element::Element;

/// Batches that may wait to be looked at, for each thread.
const AHEAD: usize = 2;
/// Results that are sent at once, and how many such parcels of a batch may wait.
const PARCEL: usize = 128;
const PARCELS: usize = 2;
/// Bytes of elements after which results are sent though they are fewer.
const PARCEL_BYTES: u64 = 1 << 18;

/// Results of elements that lie behind one another, or the error that stands in their place.
type Parcel<T> = Result<Vec<T>>;

/// What the threads share. The second lock may be taken under the first, and alone.
struct Shared<'a, T> {
    turn: Mutex<Turn<T>>,
    batches: Mutex<&'a mut Batches>,
}

/// What belongs to the thread whose turn it is.
struct Turn<T> {
    /// Where the results of each batch are announced; `None` when nothing more is to come.
    queue: Option<SyncSender<Receiver<Parcel<T>>>>,
    /// The batch that was surveyed last, and the first element that no thread has taken.
    batch: Batch,
    position: u64,
}

/// A batch, the place in it from which on it is to be decoded, and where the results go.
struct Task<T> {
    batch: Batch,
    from: usize,
    results: SyncSender<Parcel<T>>,
}

/// Does `map` to the elements from the members' position on, on so many threads, and `each` to what
/// that gives, in order, on this one.
pub(crate) fn map<T: Send>(
    members: &mut Members,
    threads: usize,
    map: &(impl Fn(Element<'_>) -> T + Sync),
    mut each: impl FnMut(T) -> ControlFlow<()>,
) -> Result<()> {
    let position = members.position();
    let mut batch = members.batches.start();
    members.batches.find(position, &mut members.decoder.window, &mut batch)?;
    let decoders = (0..threads).map(|_| members.decoder.sibling(&members.batches));
    let decoders = decoders.collect::<Result<Vec<Decoder>>>()?;
    let (queue, announced) = sync_channel(threads * AHEAD);
    let shared = Shared {
        turn: Mutex::new(Turn { queue: Some(queue), batch, position }),
        batches: Mutex::new(&mut members.batches),
    };
    let mut done = position;
    let outcome = thread::scope(|scope| {
        for decoder in decoders {
            scope.spawn(|| shared.work(decoder, map));
        }
        // When this ends, early or not, the channels go, and the threads end too.
        for parcels in announced {
            for parcel in parcels {
                for result in parcel? {
                    done += 1;
                    if each(result).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    });
    members.seek(done);
    outcome
}

impl<T> Shared<'_, T> {
    fn work(&self, mut decoder: Decoder, map: &impl Fn(Element<'_>) -> T) {
        while let Some(Task { batch, from, results }) = self.next(&mut decoder) {
            if self.decode(&mut decoder, &batch, from, &results, map).is_break() {
                return;
            }
        }
    }

    /// The next batch, once it is this thread's turn; `None` where there is none.
    fn next(&self, decoder: &mut Decoder) -> Option<Task<T>> {
        let mut turn = lock(&self.turn);
        let (results, parcels) = sync_channel(PARCELS);
        // Here a thread waits that is ahead.
        if turn.queue.as_ref()?.send(parcels).is_err() {
            turn.queue = None;
            return None;
        }
        let Turn { queue, batch, position } = &mut *turn;
        while batch.place(*position).is_none() {
            let next = lock(&self.batches).next(&mut decoder.window, batch);
            if !matches!(next, Ok(true)) {
                *queue = None;
            }
            match next {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    let _ = results.send(Err(error));
                    return None;
                }
            }
        }
        let from = batch.place(*position)?;
        *position = batch.end();
        Some(Task { batch: batch.clone(), from, results })
    }

    /// Decodes a batch. Breaks after an error, and where nobody waits for the results.
    fn decode(
        &self,
        decoder: &mut Decoder,
        batch: &Batch,
        from: usize,
        results: &SyncSender<Parcel<T>>,
        map: &impl Fn(Element<'_>) -> T,
    ) -> ControlFlow<()> {
        let (mut parcel, mut bytes) = (Vec::new(), 0);
        let send = |parcel| match results.send(parcel) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        for place in from..batch.len() {
            let span = batch.values(place, 1)[0];
            match decoder.decode(span, 1, &self.batches) {
                Ok(decoded) => {
                    let value = decoder.value(decoded, decoded.first);
                    parcel.push(map(Element::of_array(value, &decoder.context)));
                }
                Err(error) => {
                    send(Ok(parcel))?;
                    return send(Err(error));
                }
            }
            bytes += span.end - span.begin;
            if parcel.len() == PARCEL || bytes >= PARCEL_BYTES {
                send(Ok(std::mem::take(&mut parcel)))?;
                bytes = 0;
            }
        }
        send(Ok(parcel))
    }
}

impl Addresses for Mutex<&mut Batches> {
    fn before_entry(&self, memo: u64) -> Option<(Checkpoint, Container)> {
        lock(self).before_entry(memo)
    }
}

/// A panic of one thread comes out where the threads are joined, and need not make others panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
