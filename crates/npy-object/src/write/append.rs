//! Elements after those of a file: [`ArrayWriter::append_to`](crate::ArrayWriter::append_to).
//!
//! The new elements are written after the pickle, where no reader looks. Then two writes, each of a
//! few bytes, make them part of the array:
//!
//! ```text
//!     header    envelope       elements  end             after the pickle
//!  0  (3,)      .. ( 1 K3 ..   ( .. e    t \x94 b .
//!  1  (3,)      .. ( 1 K3 ..   ( .. e    t \x94 b .      U mark 0  ( new .. e  t \x94 b .
//!  2  (3,)      .. ( 1 K3 ..   ( .. e    N 0 N 0         U mark 0  ( new .. e  t \x94 b .
//!  3  (300,)   .. ( 1 M300 ..  ( .. e    N 0 N 0         U mark 0  ( new .. e  t \x94 b .
//! ```
//!
//! 1. The new elements come after STOP, with the end of a pickle after them. They are surveyed as a
//!    reader will survey them. Memo entries go on where those of the pickle end: the tuple at the old
//!    end has none after step 2.
//! 2. NONE and POP overwrite the old end, as many bytes as it has, so that the pickle goes on to the
//!    new end. Its list has more elements than the shape now, of which `numpy.load` takes as many as
//!    the shape has: the old ones.
//! 3. The new shape is written into the header and into the pickle, by one write of the bytes from
//!    the start of the file to the shape in the pickle. From 256, 65,536 and 2^31 elements on, the
//!    shape takes more bytes in the pickle. Elements do not move: the pickle begins earlier, in the
//!    spaces of the header, and the frame around the shape is longer.
//!
//! The bytes of each step are on disk before the next one. So the file is the old array before step
//! 3, and the new one after it, whenever a process or a machine stops. A process that stops leaves
//! bytes after the pickle. The next append finds the mark, which has the old end, and makes the file
//! as it was before it goes on.
//!
//! Bytes that a frame contains keep their places, so readers that look at frames accept the file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use npy_header::Header;
use pickle_stream::in_place::{self, LengthPlace, StateEnd};
use pickle_stream::{Builder, Container, Encoder, Event, Limits};

use super::envelope::Envelope;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope;
use crate::locate::batches::walk;
use crate::locate::checkpoints::{Checkpoint, Checkpoints};
use crate::locate::index::{IndexKind, Runs};
use crate::options::Options;
use crate::output::Output;
use crate::source::Source;
use crate::source::format::{APPENDED, Format};
use crate::source::window::Window;

/// A file that elements are appended to.
pub(super) struct Extension {
    path: PathBuf,
    front: Front,
    end: End,
    /// The place after its elements.
    last: Checkpoint,
    /// Where the new bytes begin: after STOP and the mark.
    begin: u64,
    /// The most elements for which the file has room in its header.
    most: u64,
    checkpoints: Checkpoints,
    /// The number of checkpoints that it has.
    known: usize,
    /// The places of all elements, if it has a dense index.
    runs: Option<Arc<Runs>>,
}

/// A file that elements are appended to, and the encoder that continues its pickle.
pub(super) struct Continued {
    pub(super) extension: Extension,
    pub(super) output: Output<'static>,
    pub(super) encoder: Encoder,
    pub(super) build: Builder,
    /// The memo entry of the array.
    pub(super) root: u64,
    /// The envelope, if new elements read its entries.
    pub(super) same_as: Option<Arc<envelope::Envelope>>,
}

impl Continued {
    /// Opens a file. An append to it that was interrupted is undone.
    pub(super) fn open(path: &Path) -> Result<Continued> {
        let mut output = Output::extend(path)?;
        let opened = loop {
            match Found::open(path)? {
                Found::Whole(opened) => break opened,
                Found::Interrupted(interrupted) => interrupted.undo(&mut output)?,
            }
        };
        let Opened { extension, envelope, protocol } = *opened;
        output.cut(extension.end.after())?;
        output.write(&extension.end.mark())?;
        let Header { shape, fortran_order, .. } = &extension.front.header;
        let memo = extension.last.memo();
        let (mut encoder, mut build) = (Encoder::new(protocol)?, Builder::new(&Limits::default()));
        if let Some(like) = Envelope::of(&envelope, protocol, false, &mut build)?
            && like.is_written_as(&envelope, shape, *fortran_order, &mut build, protocol)?
        {
            let parts = like.write(Some(shape), *fortran_order, &mut build, &mut encoder)?;
            encoder.resume(memo);
            let (root, same_as) = (parts.root, Some(envelope));
            return Ok(Continued { extension, output, encoder, build, root, same_as });
        }
        // New elements have a dtype of their own.
        let (mut encoder, build) = (Encoder::new(protocol)?, Builder::new(&Limits::default()));
        encoder.resume(memo);
        let root = envelope.unfinished.first().copied().unwrap_or(u64::MAX);
        Ok(Continued { extension, output, encoder, build, root, same_as: None })
    }
}

/// An open file, and what the encoder of new elements needs to know.
struct Opened {
    extension: Extension,
    envelope: Arc<envelope::Envelope>,
    protocol: u8,
}

/// What is in a file.
enum Found {
    Whole(Box<Opened>),
    Interrupted(Interrupted),
}

impl Found {
    fn open(path: &Path) -> Result<Found> {
        Source::open_path(path)?.explained(|source| {
            match Format::of(&source)? {
                Format::Gzip | Format::Zip => {
                    return Err(refused("it is compressed, or in an archive"));
                }
                Format::Pickle => return Err(refused("it is a pickle without a header")),
                Format::Npy | Format::Other => {}
            }
            Found::of(source, path)
        })
    }

    fn of(source: Source, path: &Path) -> Result<Found> {
        let size = source.size()?;
        let mut array = Options::new().open(source)?;
        let Some(header) = array.header().cloned() else {
            return Err(refused("it is a pickle without a header"));
        };
        let Some(objects) = array.objects_mut() else {
            return Err(refused(format!("its dtype is {}, which has no objects", header.dtype)));
        };
        if header.shape.len() != 1 {
            let count = header.shape.len();
            return Err(refused(format!("it has {count} dimensions, and only 1 can grow")));
        }
        if header.fortran_order {
            return Err(refused("it is in Fortran order"));
        }
        let protocol = objects.decoder.protocol();
        if protocol < 2 {
            return Err(refused(format!(
                "its pickle has protocol {protocol}, expected 2 or later"
            )));
        }
        let Some(envelope) = objects.decoder.envelope().cloned() else {
            return Err(refused("its pickle does not begin with an array"));
        };
        let window = &mut objects.decoder.window;
        let front = Front::read(header, &envelope, window)?;

        let promised = objects.batches.len();
        let last = match objects.batches.find_end(window) {
            Ok(last) => last,
            // Members after those of the shape, as step 2 leaves them.
            Err(error) if Some(objects.batches.frontier().member) == promised => {
                let place = objects.batches.frontier();
                let found = Interrupted::in_pickle(window, place)?;
                return found.map(Found::Interrupted).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let end = match End::read(window, last.offset)? {
            Some(end) => end,
            None => match Interrupted::in_pickle(window, last)? {
                Some(interrupted) => return Ok(Found::Interrupted(interrupted)),
                None => {
                    let place = last.offset;
                    return Err(refused("its pickle does not end after its elements").or_at(place));
                }
            },
        };
        if end.after() < size {
            if parse_mark(window.fill_aside(end.after(), AHEAD)?).is_some() {
                return Ok(Found::Interrupted(Interrupted { size: end.after(), end: None }));
            }
            return Err(refused("other data follow its array").or_at(end.after()));
        }
        if protocol >= 4 && !end.is_memoized {
            // Their numbers are those of MEMOIZE only if no instruction gives one.
            return Err(refused("its memo entries may not be numbered in order"));
        }
        let Some(most) = front.most().filter(|&most| most > last.member) else {
            return Err(front.no_room());
        };
        let (checkpoints, runs) = objects.batches.to_index();
        let begin = end.after() + end.mark().len() as u64;
        let (path, known) = (path.to_owned(), checkpoints.as_slice().len());
        let extension = Extension { path, front, end, last, begin, most, checkpoints, known, runs };
        Ok(Found::Whole(Box::new(Opened { extension, envelope, protocol })))
    }
}

impl Extension {
    /// Returns the header of the file.
    pub(super) fn header(&self) -> &Header {
        &self.front.header
    }

    /// Returns the number of elements that the file has.
    pub(super) fn elements(&self) -> u64 {
        self.last.member
    }

    /// Fails where the header of the file has no room for this many elements.
    pub(super) fn check(&self, count: u64) -> Result<()> {
        if count <= self.most { Ok(()) } else { Err(self.front.no_room()) }
    }

    /// Makes what was written to the output part of the array, which has `count` elements then.
    pub(super) fn join(mut self, mut output: Output<'_>, count: u64) -> Result<()> {
        output.sync()?;
        let end = self.survey(count)?;
        let front = self.front.with_length(count)?;
        output.keep()?;
        output.write_at(self.end.offset, &in_place::no_effect(self.end.bytes.len()))?;
        output.sync()?;
        output.write_at(0, &front)?;
        output.finish()?;
        // The index can be written again from the file.
        let _ = self.write_index(end);
        Ok(())
    }

    /// Surveys the new elements. Returns the place after them.
    fn survey(&mut self, count: u64) -> Result<Checkpoint> {
        let options = Options::new();
        let mut window = Window::new(Source::open_path(&self.path)?, options.read_size, 0);
        window.set_reading_on(true);
        let first = Checkpoint::between(self.last.member, self.begin, self.last.memo());
        let mut survey = first.survey(Container::List, &options.limits.pickle);
        let mut here = self.last;
        while here.member < count {
            window.set_anchor(survey.offset());
            if walk(&mut survey, &mut window, None)? != Event::Batch {
                break;
            }
            self.checkpoints.note(here, survey.batch(), 1);
            let member = here.member + survey.batch().len() as u64;
            here = Checkpoint::between(member, survey.offset(), survey.memo());
        }
        if here.member == count {
            return Ok(here);
        }
        let message = format!("expected {count} elements, found {}", here.member);
        Err(Error::new(ErrorKind::Malformed, "npy.object.count", here.offset, message))
    }

    /// Writes the index of the new file, dense if the old one was.
    fn write_index(self, end: Checkpoint) -> Result<()> {
        let mut array = Options::new().index(false).open(&self.path)?;
        let Some(objects) = array.objects_mut() else { return Ok(()) };
        let checkpoints: Checkpoints =
            self.checkpoints.as_slice().iter().copied().chain([end]).collect();
        objects.batches.adopt(checkpoints.clone());
        let kind = if self.runs.is_some() { IndexKind::Dense } else { IndexKind::Sparse };
        // Where every other checkpoint was removed, there are other runs.
        let is_whole = checkpoints.as_slice().get(self.known - 1) == Some(&self.last);
        let runs = self.runs.filter(|_| is_whole);
        objects.write_known_index(&self.path, kind, checkpoints, runs).map(drop)
    }
}

/// The bytes of a file that have its shape: from its start to the length in the pickle.
struct Front {
    header: Header,
    bytes: Vec<u8>,
    /// The envelope from there on.
    rest: Vec<u8>,
    /// Where the pickle begins.
    pickle: usize,
    /// Where the size of the frame is that has the length.
    frame: Option<usize>,
    /// Where the instruction of the length begins.
    length: usize,
}

impl Front {
    /// The most bytes: those that a system writes as a whole.
    const MOST: usize = 4096;

    fn read(header: Header, envelope: &envelope::Envelope, window: &mut Window) -> Result<Front> {
        let unknown = || refused("its pickle does not begin as NumPy writes it");
        let place = LengthPlace::find(&envelope.bytes, envelope.offset, header.shape[0] as u64)?;
        let LengthPlace { instruction, frame, .. } = place.ok_or_else(unknown)?;
        let frame = frame.map(|size| size.start as usize);
        let (pickle, end) = (envelope.offset as usize, instruction.end as usize);
        if end > Front::MOST {
            return Err(refused(format!("its shape ends after {end} of at most 4,096 bytes")));
        }
        let bytes = window.fill_aside(0, end)?.get(..end).ok_or_else(unknown)?.to_vec();
        let rest = envelope.bytes.get(end - pickle..).unwrap_or_default().to_vec();
        Ok(Front { header, bytes, rest, pickle, frame, length: instruction.start as usize })
    }

    /// Returns the most elements for which there is room.
    fn most(&self) -> Option<u64> {
        let (mut low, mut high) = (0, u64::MAX >> 1);
        if self.with_length(high).is_ok() {
            return Some(high);
        }
        // A longer shape never takes less room.
        while low < high {
            let middle = high - (high - low) / 2;
            if self.with_length(middle).is_ok() { low = middle } else { high = middle - 1 }
        }
        (low > 0).then_some(low)
    }

    /// Returns the bytes for another number of elements, as many.
    fn with_length(&self, count: u64) -> Result<Vec<u8>> {
        let old = self.bytes.len() - self.length;
        let instruction = in_place::int(count, old).ok_or_else(|| self.no_room())?;
        let growth = instruction.len() - old;
        let shape = vec![usize::try_from(count).map_err(|_| self.no_room())?];
        let pickle = self.pickle.checked_sub(growth).ok_or_else(|| self.no_room())?;
        let header = Header { shape: shape.clone(), ..self.header.clone() };
        let mut bytes = header.to_bytes_of_size(pickle).map_err(|_| self.no_room())?;
        bytes.extend_from_slice(&self.bytes[self.pickle..self.length]);
        if let Some(frame) = self.frame {
            let size = &mut bytes[frame - growth..][..8];
            let old = size.iter().rev().fold(0, |size, &byte| size << 8 | u64::from(byte));
            size.copy_from_slice(&old.saturating_add(growth as u64).to_le_bytes());
        }
        bytes.extend_from_slice(&instruction);
        // MARK, with which the elements begin.
        let beginning = [&bytes[..], &self.rest, b"("].concat();
        match Options::new().open(beginning) {
            Ok(array) if array.shape() == shape && array.header() == Some(&header) => Ok(bytes),
            _ => Err(refused("its pickle does not begin as NumPy writes it")),
        }
    }

    #[cold]
    fn no_room(&self) -> Error {
        let length = self.header.shape[0];
        refused(format!("its header, for {length} elements, has no room for a longer shape"))
    }
}

/// The end of a pickle: TUPLE, maybe its memo entry, BUILD and STOP.
struct End {
    offset: u64,
    bytes: Vec<u8>,
    /// Whether its memo entry has the next number, and says none.
    is_memoized: bool,
}

/// Bytes that contain an end, a frame before it, and a mark after it.
const AHEAD: usize = 128;
impl End {
    /// Reads the end at a place, where a frame may begin; `None` of another end.
    fn read(window: &mut Window, place: u64) -> Result<Option<End>> {
        let (bytes, offset) = after_frame(window, place)?;
        let end = StateEnd::of_first(bytes);
        Ok(end.map(|end| End { offset, bytes: end.bytes.to_vec(), is_memoized: end.is_memoized }))
    }

    /// Returns the offset after STOP.
    fn after(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Returns the mark of an append to a file with this end.
    fn mark(&self) -> Vec<u8> {
        // The old end in hexadecimal digits.
        let mut text = APPENDED.to_vec();
        for byte in &self.bytes {
            text.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        in_place::note(&text)
    }
}

/// Returns the old end that a mark at the start of `bytes` has.
fn parse_mark(bytes: &[u8]) -> Option<Vec<u8>> {
    let digits = in_place::read_note(bytes)?.strip_prefix(APPENDED)?;
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let end = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
    StateEnd::of_first(&end).is_some_and(|read| read.bytes == end).then_some(end)
}

/// Returns whether the bytes at an offset, after an array, are what an append that was interrupted has
/// left there. They are not part of the array, and the next append removes them.
///
/// ```
/// use npy_object::{Options, Source, write};
///
/// let source = Source::open("tests/data/strings.npy")?;
/// let end = Options::new().end_of(&source)?;
/// assert!(!write::is_interrupted_append(&source, end)?);
/// # Ok::<(), npy_object::Error>(())
/// ```
pub fn is_interrupted_append(source: &Source, offset: u64) -> io::Result<bool> {
    let mut bytes = Vec::new();
    source.section(offset..).to_reader().take(AHEAD as u64).read_to_end(&mut bytes)?;
    Ok(parse_mark(&bytes).is_some())
}

/// Returns the bytes at a place, or after the FRAME there, and their offset.
fn after_frame(window: &mut Window, place: u64) -> Result<(&[u8], u64)> {
    let bytes = window.fill_aside(place, AHEAD)?;
    let frame = in_place::frame_len(bytes);
    Ok((&bytes[frame..], place + frame as u64))
}

/// An append that was not finished.
struct Interrupted {
    /// The size that the file had.
    size: u64,
    /// Its end and where it was, if that was overwritten.
    end: Option<(u64, Vec<u8>)>,
}

impl Interrupted {
    /// Returns the append that has overwritten the end at a place.
    fn in_pickle(window: &mut Window, place: Checkpoint) -> Result<Option<Interrupted>> {
        let (bytes, offset) = after_frame(window, place.offset)?;
        let sizes = [3, 4, 5, 8];
        let mut ends = sizes.into_iter().filter_map(|size| {
            let mark = bytes.strip_prefix(&in_place::no_effect(size)[..])?;
            let bytes = parse_mark(mark).filter(|end| end.len() == size)?;
            Some(Interrupted { size: offset + size as u64, end: Some((offset, bytes)) })
        });
        Ok(ends.next())
    }

    /// Makes the file as it was.
    fn undo(self, output: &mut Output<'_>) -> Result<()> {
        if let Some((offset, bytes)) = self.end {
            output.write_at(offset, &bytes)?;
            output.sync()?;
        }
        output.cut(self.size)?;
        output.sync()
    }
}

#[cold]
fn refused(why: impl std::fmt::Display) -> Error {
    let message = format!("cannot append to the file: {why}; copy its elements to a new file");
    Error::usage("access.append", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_has_the_end() {
        for bytes in [&b"tb."[..], b"t\x94b.", b"tq\x90b.", b"tr\0\xff\0\0b."] {
            let end = End { offset: 7, bytes: bytes.to_vec(), is_memoized: false };
            let mark = end.mark();
            assert!(mark.is_ascii());
            assert_eq!(parse_mark(&mark).as_deref(), Some(bytes));
            for cut in 0..mark.len() {
                assert_eq!(parse_mark(&mark[..cut]), None);
            }
        }
        // Of other bytes.
        for text in
            ["npyo append 78", "npyo append 74622e00", "npyo append 74622", "npyo append zz622e"]
        {
            let mark = [b"U", &[text.len() as u8][..], text.as_bytes(), b"0"].concat();
            assert_eq!(parse_mark(&mark), None, "{text}");
        }
    }
}
