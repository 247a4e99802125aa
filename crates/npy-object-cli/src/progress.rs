//! The progress bar of a loop over elements.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

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
    let Some(to) = to.filter(|_| io::stderr().is_terminal()) else { return ProgressBar::hidden() };
    let style = "{wide_bar} {human_pos} of {human_len} elements, {eta} left";
    ProgressBar::new(to.saturating_sub(from))
        .with_style(ProgressStyle::with_template(style).expect("the template is well formed"))
        .with_finish(ProgressFinish::AndClear)
}
