//! What can be saved of an array whose file is cut off or damaged.
//!
//! Elements of closed batches are whole: their list has them. In the batch that is open where the
//! pickle breaks off there are values on the stack, and no byte says yet whether one is an element,
//! or the beginning of one: `1, 2` may become `(1, 2)`. A pickler leaves few values waiting in this
//! way, so that a value with many behind it is an element beyond doubt.

use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::npy_array::NpyArray;
use crate::options::Options;
use crate::source::Source;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::write::{ArrayWriter, Copy, WriteOptions};

/// How many values an element may have on the stack before it is one value, with no mark between
/// them: a call in a tuple in a call. In all that NumPy and the standard library pickle it is 7.
const WAITING: usize = 8;

/// In how many bytes a pickle is looked for.
const SEARCHED: u64 = 64 << 10;

/// How many places are tried there.
const TRIED: usize = 64;

/// How many errors are kept of elements that were lost one by one.
const ERRORS: usize = 100;

/// Copies the elements of a broken file that can be saved into a new one.
///
/// ```
/// use npy_object::{Options, Salvage, Source};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("saved.npy");
/// let mut bytes = std::fs::read("tests/data/strings.npy")?;
/// bytes.truncate(bytes.len() - 10);
/// let mut array = Salvage::open(Options::new(), Source::bytes(bytes))?;
/// let saved = Salvage::new().keep_doubtful(true).write(&mut array, &path)?;
/// assert_eq!(saved.elements, 2);
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    keep_doubtful: bool,
}

/// What came of a [`Salvage`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Salvaged {
    /// Elements that were saved.
    pub elements: u64,
    /// Elements that there should be.
    pub promised: u64,
    /// Elements that were lost although those behind them were not: each with what is wrong with
    /// it, for the first 100.
    pub damaged: Vec<(u64, Error)>,
    /// How many those are in all.
    pub damaged_count: u64,
    /// Values of the last batch that may be elements, or parts of one that was cut off.
    pub doubtful: u64,
    /// Where and why the file breaks off; `None` where all of it was read.
    pub broken_off: Option<Error>,
}

impl Salvage {
    /// Saves what is an element beyond doubt.
    pub fn new() -> Salvage {
        Salvage::default()
    }

    /// Saves the values at the end of the last batch too that are elements if no element is a tuple
    /// of at most three items.
    pub fn keep_doubtful(mut self, keep: bool) -> Salvage {
        self.keep_doubtful = keep;
        self
    }

    /// Opens a file of which the preamble may not be readable: if it is not, the first pickle of an
    /// array that begins in the first 64 KiB is opened, if it is one of the first 64 that look like
    /// one. Places in that file are then counted from
    /// where the pickle begins.
    ///
    /// Fails as [`Options::read_source`] does, where there is no such pickle either.
    pub fn open(options: Options, source: Source) -> Result<NpyArray> {
        let options = options.trust_payload(true);
        let error = match options.clone().read_source(source.clone()) {
            Ok(array) => return Ok(array),
            Err(error) => error,
        };
        let mut head = Vec::new();
        source.to_reader().take(SEARCHED).read_to_end(&mut head)?;
        let begins = head.windows(3).enumerate().filter(|(_, bytes)| {
            // PROTO, and FRAME, GLOBAL or SHORT_BINUNICODE: the name of what makes an array.
            matches!(bytes, [0x80, 2..=5, 0x95 | b'c' | 0x8c])
        });
        let mut arrays = begins.take(TRIED).filter_map(|(place, _)| {
            options.clone().read_source(source.section(place as u64..)).ok()
        });
        arrays.find(NpyArray::has_objects).ok_or(error)
    }

    /// Writes a file of one dimension with what can be saved of `array`.
    ///
    /// Fails where writing does, and where `array` has no objects. What is wrong with the array is
    /// in the answer.
    pub fn write(&self, array: &mut NpyArray, path: impl AsRef<Path>) -> Result<Salvaged> {
        let writer = WriteOptions::like(array)?.any_length().create(path)?;
        self.copy(array, writer)
    }

    /// As [`write`](Self::write), to any output.
    pub fn write_to(
        &self,
        array: &mut NpyArray,
        output: impl Write + Seek + Send,
    ) -> Result<Salvaged> {
        let writer = WriteOptions::like(array)?.any_length().write_to(output)?;
        self.copy(array, writer)
    }

    fn copy(&self, array: &mut NpyArray, mut writer: ArrayWriter<'_>) -> Result<Salvaged> {
        let mut saved = Salvaged { promised: array.len(), ..Salvaged::default() };
        let mut copy = writer.copy_from(array);
        for number in 0.. {
            match copy.has(number) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    saved.broken_off = Some(error);
                    break;
                }
            }
            match copy.elements(number..=number) {
                Ok(()) => saved.elements += 1,
                Err(error) if copy.output_failed() => return Err(error),
                Err(error) => saved.lose(number, error),
            }
        }
        if saved.broken_off.is_some() {
            self.last_batch(&mut copy, &mut saved)?;
        }
        writer.finish()?;
        Ok(saved)
    }

    /// Saves what is an element of the batch that was cut off.
    fn last_batch(&self, copy: &mut Copy<'_, '_>, saved: &mut Salvaged) -> Result<()> {
        let (left, values) = copy.unfinished();
        // Where one element is left, the mark of its batch may be its own.
        let waiting = if left == Some(1) { values.len() } else { WAITING };
        let certain = values.len().saturating_sub(waiting);
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        for (place, &value) in values.iter().enumerate().take(most) {
            let is_certain = place < certain;
            let is_last = place + 1 == values.len();
            match copy.look(value, outlook) {
                Ok(Outlook::Whole) => {}
                Ok(_) if is_certain => {}
                Ok(Outlook::MayGrow) if !is_last => {}
                Ok(Outlook::MayGrow | Outlook::MayBeCalled) => break,
                Err(_) if !is_certain => break,
                Err(error) => {
                    saved.lose(saved.elements + saved.damaged_count, error);
                    continue;
                }
            }
            if !is_certain && !self.keep_doubtful {
                saved.doubtful += 1;
                continue;
            }
            match copy.value(value) {
                Ok(()) => saved.elements += 1,
                Err(error) if copy.output_failed() => return Err(error),
                Err(error) => saved.lose(saved.elements + saved.damaged_count, error),
            }
        }
        Ok(())
    }
}

/// What a pickler may yet do to a value, other than making it a part of another one.
enum Outlook {
    /// Nothing.
    Whole,
    /// Put more into it, or give it a state.
    MayGrow,
    /// Call it.
    MayBeCalled,
}

fn outlook(element: Element<'_>) -> Outlook {
    // Behind a full batch, or none, another one may come.
    let may_grow = |len: usize| len.is_multiple_of(1000);
    let has_no_state = |element: Element<'_>| match element.value().map(|value| value.kind()) {
        Some(pickle_stream::Kind::Object(object)) => object.states().len() == 0,
        _ => false,
    };
    let grows = match element.kind() {
        Kind::Global(_) => return Outlook::MayBeCalled,
        Kind::List(items) | Kind::Set(items) => may_grow(items.len()),
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            may_grow(entries.len())
        }
        Kind::Object(_) | Kind::DType(_) => has_no_state(element),
        _ => false,
    };
    if grows { Outlook::MayGrow } else { Outlook::Whole }
}

impl Salvaged {
    fn lose(&mut self, number: u64, error: Error) {
        self.damaged_count += 1;
        if self.damaged.len() < ERRORS {
            self.damaged.push((number, error));
        }
    }
}
