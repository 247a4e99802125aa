//! The index file: a file's checkpoints, kept beside it.
//!
//! Whoever opens a file that has an index jumps to any element at once; without one, the file is
//! surveyed up to that element first. An index that is not of the file as it is now is not used.
//! The layout is in the spec's chapter on the index file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::checkpoints::{Checkpoint, Checkpoints};
use crate::error::{Cause, Error, Result};
use crate::window::Window;

const MAGIC: [u8; 8] = *b"npyoidx\x01";
/// Bytes before the checkpoints.
const HEAD: usize = 48;
/// Bytes of a checkpoint.
const CHECKPOINT: usize = 24;
/// Bytes behind the checkpoints.
const TAIL: usize = 4;

/// What a file was when its index was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Bytes of the file.
    size: u64,
    /// When it was written: nanoseconds since 1970.
    modified: i64,
    /// CRC-32 of samples from all over it.
    samples: u32,
}

/// The checkpoints of the array in a file, with what is needed to know that they are.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) fingerprint: Fingerprint,
    /// How many elements the array has.
    pub(crate) elements: u64,
    pub(crate) checkpoints: Checkpoints,
}

/// Whether an index was used when a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexUse {
    /// There is none, or it was not asked for.
    None,
    /// It was.
    Used,
    /// There is one, of the file as it was before: it was left alone.
    Stale,
    /// There is one that is no index, or not whole: it was left alone.
    Damaged,
}

/// Where the index of a file is: beside it, with `.idx` behind its name.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".idx");
    PathBuf::from(name)
}

impl Fingerprint {
    /// Samples, and bytes of each. Between them, a file that is written anew with the same size at
    /// the same time is told from what it was.
    const SAMPLES: u64 = 16;
    const SAMPLE: u64 = 512;

    /// That of a file, which `window` looks at.
    pub(crate) fn of(file: &Path, window: &mut Window) -> Result<Fingerprint> {
        let metadata = fs::metadata(file)?;
        let size = metadata.len();
        let modified = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        };
        let mut samples = crc32fast::Hasher::new();
        // The first sample begins with the file, the last ends with it.
        let room = size.saturating_sub(Fingerprint::SAMPLE);
        for sample in 0..Fingerprint::SAMPLES {
            let place =
                u128::from(room) * u128::from(sample) / u128::from(Fingerprint::SAMPLES - 1);
            let bytes = window.fill_aside(place as u64, Fingerprint::SAMPLE as usize)?;
            samples.update(&bytes[..bytes.len().min(Fingerprint::SAMPLE as usize)]);
        }
        Ok(Fingerprint { size, modified, samples: samples.finalize() })
    }
}

impl Index {
    /// Writes it to the place beside `file` where it is looked for: all of it, or nothing.
    pub(crate) fn write(&self, file: &Path) -> Result<PathBuf> {
        let path = path_of(file);
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(format!(".{}", std::process::id()));
        let written =
            fs::write(&unfinished, self.to_bytes()).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(Error::from)?;
        Ok(path)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Fingerprint { size, modified, samples } = self.fingerprint;
        let places = self.checkpoints.as_slice();
        let mut bytes = Vec::with_capacity(HEAD + places.len() * CHECKPOINT + TAIL);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&modified.to_le_bytes());
        bytes.extend_from_slice(&samples.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.elements.to_le_bytes());
        bytes.extend_from_slice(&(places.len() as u64).to_le_bytes());
        for place in places {
            for number in [place.member, place.offset, place.memo] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the index of a file, if there is one.
    ///
    /// Fails with cause [`Cause::Malformed`] where it is not an index, or not whole.
    pub(crate) fn read(file: &Path) -> Result<Option<Index>> {
        let mut bytes = Vec::new();
        match File::open(path_of(file)) {
            Ok(index) => {
                let most = (HEAD + Checkpoints::MOST * CHECKPOINT + TAIL) as u64;
                index.take(most + 1).read_to_end(&mut bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        Index::of_bytes(&bytes).map(Some)
    }

    fn of_bytes(bytes: &[u8]) -> Result<Index> {
        let body =
            bytes.len().checked_sub(HEAD + TAIL).ok_or_else(|| damaged("truncated", bytes))?;
        let (bytes, sum) = bytes.split_at(HEAD + body);
        let (head, places) = bytes.split_at(HEAD);
        if head[..8] != MAGIC {
            return Err(damaged("no index of this version", &[]));
        }
        let number = |place: usize| {
            u64::from_le_bytes(head[place..place + 8].try_into().expect("eight bytes"))
        };
        if number(40) != (body / CHECKPOINT) as u64 || !body.is_multiple_of(CHECKPOINT) {
            return Err(damaged("of another length than it says", bytes));
        }
        if sum != crc32fast::hash(bytes).to_le_bytes() {
            return Err(damaged("damaged: its checksum is wrong", bytes));
        }
        let samples = u32::from_le_bytes(head[24..28].try_into().expect("four bytes"));
        let fingerprint = Fingerprint { size: number(8), modified: number(16) as i64, samples };
        let (places, _) = places.as_chunks::<CHECKPOINT>();
        let places = places.iter().map(|place| {
            let (numbers, _) = place.as_chunks::<8>();
            let [member, offset, memo] =
                [numbers[0], numbers[1], numbers[2]].map(u64::from_le_bytes);
            Checkpoint { member, offset, memo }
        });
        let in_order = places.clone().is_sorted_by(|one, next| {
            one.member < next.member && one.offset < next.offset && one.memo <= next.memo
        });
        if !in_order {
            return Err(damaged("of places that are not in order", bytes));
        }
        Ok(Index { fingerprint, elements: number(32), checkpoints: places.collect() })
    }
}

#[cold]
fn damaged(how: &str, bytes: &[u8]) -> Error {
    let message = format!("the index is {how}");
    Error::new(Cause::Malformed, "index.layout", bytes.len() as u64, message)
}
