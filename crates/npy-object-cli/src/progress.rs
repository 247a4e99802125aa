//! Progress bars: of a loop over elements, of files, and of the bytes of a file.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use npy_object::{ReadAt, Source};

/// Returns a bar for the elements from `from` up to `to`, which is cleared when it is dropped. It is
/// hidden where stderr is no terminal, and where the elements are printed on the same terminal.
pub(crate) fn progress_bar(to: Option<u64>, from: u64) -> ProgressBar {
    match io::stdout().is_terminal() {
        true => ProgressBar::hidden(),
        false => conversion_bar(to, from),
    }
}

/// Returns a bar as [`progress_bar`] does, of a command that prints no elements.
pub(crate) fn conversion_bar(to: Option<u64>, from: u64) -> ProgressBar {
    let style = "{wide_bar} {human_pos} of {human_len} elements, {eta} left";
    bar(to.map(|to| to.saturating_sub(from)), style)
}

/// Returns a bar for files that are read, hidden for a single one.
pub(crate) fn file_bar(count: usize) -> ProgressBar {
    let count = (count > 1).then_some(count as u64);
    bar(count, "{wide_bar} {human_pos} of {human_len} files, {eta} left")
}

/// Returns a bar for the bytes of a file whose instructions are printed, hidden as [`progress_bar`].
pub(crate) fn byte_bar(size: Option<u64>) -> ProgressBar {
    let size = size.filter(|_| !io::stdout().is_terminal());
    bar(size, BYTES)
}

const BYTES: &str = "{wide_bar} {bytes} of {total_bytes}, {eta} left";

fn bar(count: Option<u64>, style: &str) -> ProgressBar {
    let Some(count) = count.filter(|_| io::stderr().is_terminal()) else {
        return ProgressBar::hidden();
    };
    ProgressBar::new(count)
        .with_style(ProgressStyle::with_template(style).expect("the template is well formed"))
        .with_finish(ProgressFinish::AndClear)
}

/// Returns a source of the same bytes that shows on a bar how far it was read.
pub(crate) fn watched(source: Source) -> Source {
    // A smaller file is read before a person sees the bar.
    const LEAST: u64 = 16 << 20;
    let bar = bar(source.known_size().filter(|&size| size >= LEAST), BYTES);
    if bar.is_hidden() {
        return source;
    }
    let name = source.name().map(str::to_owned);
    let watched = Source::new(Watched { source, bar });
    name.into_iter().fold(watched, Source::named)
}

struct Watched {
    source: Source,
    bar: ProgressBar,
}

impl ReadAt for Watched {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.source.read_at(buffer, offset)?;
        self.bar.set_position(self.bar.position().max(offset + read as u64));
        Ok(read)
    }

    fn known_size(&self) -> Option<u64> {
        self.source.known_size()
    }

    fn size(&self) -> io::Result<u64> {
        self.source.size()
    }

    fn is_size_announced(&self) -> bool {
        self.source.is_size_announced()
    }
}
