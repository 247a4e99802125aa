//! How far a loop over elements has come, for who waits for it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A bar for the elements up to `to`, gone when it is dropped; hidden where nobody would see it, or
/// where it would stand among the elements.
pub(crate) fn progress_bar(to: Option<u64>, from: u64) -> ProgressBar {
    let hidden = !io::stderr().is_terminal() || io::stdout().is_terminal();
    let Some(to) = to.filter(|_| !hidden) else { return ProgressBar::hidden() };
    let style = "{wide_bar} {human_pos} of {human_len} elements, {eta} left";
    ProgressBar::new(to.saturating_sub(from))
        .with_style(ProgressStyle::with_template(style).expect("the template is well formed"))
        .with_finish(ProgressFinish::AndClear)
}
