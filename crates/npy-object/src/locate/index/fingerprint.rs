//! [`Fingerprint`]: the properties of a file by which its index is recognised.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::error::Result;
use crate::source::window::Window;

/// The properties of a file that its index stores, to recognise the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Bytes of the file.
    pub(super) size: u64,
    /// When it was written: nanoseconds since 1970.
    pub(super) modified: i64,
    /// CRC-32 of 16 samples at equal distances.
    pub(super) samples: u32,
    /// CRC-32 of the first sample.
    pub(super) start: u32,
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

    /// Returns whether it can be the fingerprint of the source that `window` is on, whose time is not
    /// known.
    pub(crate) fn can_be_of(&self, window: &mut Window) -> Result<bool> {
        Ok(self.size == window.len()? && self.start == Fingerprint::start(window)?)
    }

    /// Returns the CRC-32 of the first sample.
    fn start(window: &mut Window) -> Result<u32> {
        let bytes = window.fill_aside(0, Fingerprint::SAMPLE as usize)?;
        Ok(crc32fast::hash(&bytes[..bytes.len().min(Fingerprint::SAMPLE as usize)]))
    }
}
