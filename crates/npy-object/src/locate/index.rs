//! The index file: the checkpoints of a file, next to it.
//!
//! With an index, any element is found at once; without one, the file is surveyed up to the element.
//! An index of the file as it was before a change is not used. The spec's chapter on the index file
//! has the format. The checkpoints are in blocks, and the first checkpoint of each block is at the
//! front, so that two parts of an index lead to an element: an index in an object store is read by
//! parts, one next to a file as a whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::error::{Error, ErrorKind, Result};
use crate::locate::checkpoints::{Checkpoint, Checkpoints, Interval};
use crate::output::Output;
use crate::source::window::Window;
use crate::source::{Access, Source};

const MAGIC: [u8; 8] = *b"npyoidx\x02";
/// Bytes before the checkpoints.
const HEAD: usize = 48;
/// Bytes of a checkpoint.
const CHECKPOINT: usize = 24;
/// Bytes of a checksum.
const SUM: usize = 4;
/// Checkpoints of a block; the last block may have fewer.
const BLOCK: usize = 256;
/// The most checkpoints: those of an array, and one after the last element.
const MOST: u64 = Checkpoints::MOST as u64 + 1;

/// The properties of a file that its index stores, to recognise the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Bytes of the file.
    size: u64,
    /// When it was written: nanoseconds since 1970.
    modified: i64,
    /// CRC-32 of 16 samples at equal distances.
    samples: u32,
    /// CRC-32 of the first sample.
    start: u32,
}

/// The contents of an index file: the checkpoints of a file, and its fingerprint.
#[derive(Debug)]
pub(crate) struct IndexFile {
    pub(crate) fingerprint: Fingerprint,
    /// The number of elements.
    pub(crate) elements: u64,
    pub(crate) checkpoints: Checkpoints,
}

/// An index that is read part by part.
#[derive(Debug)]
pub(crate) struct Index {
    source: Source,
    head: Head,
    /// The first checkpoint of each block.
    firsts: Vec<Checkpoint>,
}

/// The first fields of an index.
#[derive(Clone, Copy, Debug)]
struct Head {
    fingerprint: Fingerprint,
    elements: u64,
    checkpoints: u64,
}

/// Whether an index was used when a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexUse {
    /// There is no index, or [`Options::index`](crate::Options::index) is off.
    None,
    /// The index is used.
    Used,
    /// The index is of the file before a change, and not used.
    Stale,
    /// The index is malformed or truncated, and not used.
    Damaged,
}

/// Returns the path of the index of a file: next to it, with `.idx` after its name.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".idx");
    PathBuf::from(name)
}

impl Fingerprint {
    /// The number of samples, and bytes of each. They detect a file that was written again with the
    /// same size at the same time.
    const SAMPLES: u64 = 16;
    const SAMPLE: u64 = 512;

    /// Returns the fingerprint of a file, which `window` reads.
    pub(crate) fn of(file: &Path, window: &mut Window) -> Result<Fingerprint> {
        let metadata = fs::metadata(file)?;
        let size = metadata.len();
        let modified = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        };
        let start = Fingerprint::start(window)?;
        let mut samples = crc32fast::Hasher::new();
        // The first sample begins with the file, the last ends with it.
        let room = size.saturating_sub(Fingerprint::SAMPLE);
        for sample in 0..Fingerprint::SAMPLES {
            let place =
                u128::from(room) * u128::from(sample) / u128::from(Fingerprint::SAMPLES - 1);
            let bytes = window.fill_aside(place as u64, Fingerprint::SAMPLE as usize)?;
            samples.update(&bytes[..bytes.len().min(Fingerprint::SAMPLE as usize)]);
        }
        Ok(Fingerprint { size, modified, samples: samples.finalize(), start })
    }

    /// Returns the CRC-32 of the first sample.
    fn start(window: &mut Window) -> Result<u32> {
        let bytes = window.fill_aside(0, Fingerprint::SAMPLE as usize)?;
        Ok(crc32fast::hash(&bytes[..bytes.len().min(Fingerprint::SAMPLE as usize)]))
    }
}

impl IndexFile {
    /// Writes the index of `file`, whole or not at all, and returns where it is.
    pub(crate) fn write(&self, file: &Path) -> Result<PathBuf> {
        let path = path_of(file);
        let mut output = Output::create(&path)?;
        output.write(&self.to_bytes())?;
        output.finish()?;
        Ok(path)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Fingerprint { size, modified, samples, start } = self.fingerprint;
        let places = self.checkpoints.as_slice();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&modified.to_le_bytes());
        bytes.extend_from_slice(&samples.to_le_bytes());
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.extend_from_slice(&self.elements.to_le_bytes());
        bytes.extend_from_slice(&(places.len() as u64).to_le_bytes());
        put_places(&mut bytes, places.iter().step_by(BLOCK));
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        for block in places.chunks(BLOCK) {
            let begin = bytes.len();
            put_places(&mut bytes, block);
            bytes.extend_from_slice(&crc32fast::hash(&bytes[begin..]).to_le_bytes());
        }
        bytes
    }

    /// Reads the index of a file; `None` where there is none. Only a regular file is an index: to open
    /// a pipe would wait for a writer.
    ///
    /// Fails with [`ErrorKind::Malformed`] where it is not an index, or not whole.
    pub(crate) fn read(file: &Path) -> Result<Option<IndexFile>> {
        use io::ErrorKind as K;
        let path = path_of(file);
        let mut bytes = Vec::new();
        let is_file = fs::metadata(&path).map(|metadata| metadata.is_file());
        let opened = match is_file {
            Ok(true) => File::open(&path),
            Ok(false) => return Ok(None),
            Err(error) => Err(error),
        };
        match opened {
            // Another file may have taken the name since.
            Ok(index) if !index.metadata()?.is_file() => return Ok(None),
            Ok(index) => {
                let most = Head::size_of(MOST);
                index.take(most + 1).read_to_end(&mut bytes)?;
            }
            // With `.idx` after it, a name may be too long.
            Err(error) if matches!(error.kind(), K::NotFound | K::InvalidFilename) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let index = Index::open(Source::bytes(bytes))?;
        let Head { fingerprint, elements, .. } = index.head;
        let mut checkpoints = Vec::new();
        for block in 0..index.firsts.len() {
            checkpoints.extend(index.block(block, 0)?);
        }
        let checkpoints = in_order(checkpoints)?.into_iter().collect();
        Ok(Some(IndexFile { fingerprint, elements, checkpoints }))
    }
}

fn put_places<'a>(bytes: &mut Vec<u8>, places: impl IntoIterator<Item = &'a Checkpoint>) {
    let numbers = places.into_iter().flat_map(|place| place.to_numbers());
    numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
}

impl Head {
    fn of_bytes(bytes: &[u8]) -> Result<Head> {
        let Some(([magic, numbers @ ..], _)) = bytes.as_chunks::<8>().0.split_first_chunk::<6>()
        else {
            return Err(damaged("truncated", bytes.len() as u64));
        };
        if *magic != MAGIC {
            return Err(damaged("no index of this version", 0));
        }
        let [size, modified, sums, elements, checkpoints] = numbers.map(u64::from_le_bytes);
        if checkpoints > MOST {
            return Err(damaged("too long", 40));
        }
        let (samples, start) = (sums as u32, (sums >> 32) as u32);
        let fingerprint = Fingerprint { size, modified: modified as i64, samples, start };
        Ok(Head { fingerprint, elements, checkpoints })
    }

    /// Returns the number of blocks of this number of checkpoints.
    fn blocks(checkpoints: u64) -> u64 {
        checkpoints.div_ceil(BLOCK as u64)
    }

    /// Returns the number of bytes before the blocks.
    fn front(checkpoints: u64) -> u64 {
        HEAD as u64 + Head::blocks(checkpoints) * CHECKPOINT as u64 + SUM as u64
    }

    /// Returns the size of an index of this number of checkpoints.
    fn size_of(checkpoints: u64) -> u64 {
        let blocks = checkpoints * CHECKPOINT as u64 + Head::blocks(checkpoints) * SUM as u64;
        Head::front(checkpoints) + blocks
    }

    /// Returns where a block is in the index.
    fn block(&self, number: usize) -> Range<u64> {
        let first = number as u64 * BLOCK as u64;
        let count = (self.checkpoints - first).min(BLOCK as u64);
        let size = (BLOCK * CHECKPOINT + SUM) as u64;
        let begin = Head::front(self.checkpoints) + number as u64 * size;
        begin..begin + count * CHECKPOINT as u64 + SUM as u64
    }
}

impl Index {
    /// Bytes at the front of an index that are read before an element is looked for.
    pub(crate) const FRONT: usize = 24 << 10;
    /// Bytes of blocks that a loop reads ahead.
    const AHEAD: u64 = 64 << 10;

    /// Reads the front of an index, before the blocks.
    ///
    /// Fails with [`ErrorKind::Malformed`] where it is not an index, or not whole.
    pub(crate) fn open(source: Source) -> Result<Index> {
        let head = Head::of_bytes(&read(&source, 0..HEAD as u64, Index::FRONT as u64)?)?;
        if source.size()? != Head::size_of(head.checkpoints) {
            return Err(damaged("of another length than it says", 0));
        }
        let front = read(&source, 0..Head::front(head.checkpoints), 0)?;
        let firsts = places(&front, HEAD)?;
        Ok(Index { source, head, firsts })
    }

    /// Returns whether the index can be of the source that `window` is on, whose time is not known, and
    /// which has this number of elements.
    pub(crate) fn is_of(&self, window: &mut Window, elements: Option<u64>) -> Result<bool> {
        let Fingerprint { size, start, .. } = self.head.fingerprint;
        Ok(size == window.len()?
            && start == Fingerprint::start(window)?
            && Some(self.head.elements) == elements)
    }

    /// Returns the first checkpoint.
    pub(crate) fn first(&self) -> Option<Checkpoint> {
        self.firsts.first().copied()
    }

    /// Returns the checkpoints around a member; with `reads_on`, the blocks after it are read ahead.
    pub(crate) fn around_member(&self, member: u64, reads_on: bool) -> Result<Option<Interval>> {
        let ahead = if reads_on { Index::AHEAD } else { 0 };
        self.around(|place| place.member <= member, ahead)
    }

    /// Returns the checkpoints around the place where a memo entry was made.
    pub(crate) fn around_entry(&self, memo: u64) -> Result<Option<Interval>> {
        self.around(|place| place.memo() <= memo, 0)
    }

    /// Returns the last checkpoint for which `holds` is true, as it is for all before, and the next.
    fn around(&self, holds: impl Fn(&Checkpoint) -> bool, ahead: u64) -> Result<Option<Interval>> {
        let Some(block) = self.firsts.partition_point(&holds).checked_sub(1) else {
            return Ok(None);
        };
        let interval = Interval::of(&self.block(block, ahead)?, holds);
        let next = self.firsts.get(block + 1).copied();
        Ok(interval.map(|Interval { from, to }| Interval { from, to: to.or(next) }))
    }

    /// Reads the checkpoints of a block, and `ahead` bytes after it ahead.
    fn block(&self, number: usize, ahead: u64) -> Result<Vec<Checkpoint>> {
        let range = self.head.block(number);
        let places = places(&read(&self.source, range.clone(), range.end + ahead)?, 0)?;
        let is_its_first = places.first() == self.firsts.get(number);
        let ends = places.last().into_iter().chain(self.firsts.get(number + 1));
        if is_its_first && is_in_order(ends) {
            return Ok(places);
        }
        Err(damaged("of blocks that are not in order", range.start))
    }
}

/// Parses the checkpoints from `begin` on, after which comes the checksum of all bytes.
fn places(bytes: &[u8], begin: usize) -> Result<Vec<Checkpoint>> {
    let (bytes, sum) = bytes.split_at(bytes.len().saturating_sub(SUM));
    if sum != crc32fast::hash(bytes).to_le_bytes() {
        return Err(damaged("damaged: its checksum is wrong", 0));
    }
    let (numbers, _) = bytes[begin..].as_chunks::<8>();
    let (places, _) = numbers.as_chunks::<3>();
    let places = places.iter().map(|place| Checkpoint::from_numbers(place.map(u64::from_le_bytes)));
    in_order(places.collect())
}

fn in_order(places: Vec<Checkpoint>) -> Result<Vec<Checkpoint>> {
    if is_in_order(&places) {
        return Ok(places);
    }
    Err(damaged("of places that are not in order", 0))
}

fn is_in_order<'a>(places: impl IntoIterator<Item = &'a Checkpoint>) -> bool {
    places.into_iter().is_sorted_by(|one, next| {
        one.member < next.member && one.offset < next.offset && one.memo() <= next.memo()
    })
}

/// Reads a range of an index. Bytes up to `likely` may be needed next.
fn read(source: &Source, range: Range<u64>, likely: u64) -> Result<Vec<u8>> {
    source.prepare(range.clone(), Access::UpTo(likely))?;
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let mut read = 0;
    while read < bytes.len() {
        match source.read_at(&mut bytes[read..], range.start + read as u64) {
            Ok(0) => return Err(damaged("truncated", range.start + read as u64)),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

#[cold]
fn damaged(how: &str, place: u64) -> Error {
    let message = format!("the index is {how}");
    Error::new(ErrorKind::Malformed, "index.layout", place, message)
}
