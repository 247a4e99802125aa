//! The terminal that standard output may be: its width, and colours.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of an output that is no terminal.
const COLUMNS: usize = 80;

/// Returns the number of columns of a line.
pub(crate) fn columns() -> usize {
    if !io::stdout().is_terminal() {
        return COLUMNS;
    }
    terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0).max(20))
}

/// Returns the columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Returns the first columns of a text that is longer, with an ellipsis in the last one.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |&c: &char| {
        let room = left.checked_sub(c.width().unwrap_or(0));
        left = room.unwrap_or(0);
        room.is_some()
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// The colours of the output: none where it is no terminal, and where `NO_COLOR` or `TERM` says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours(bool);

impl Colours {
    /// Returns the colours of standard output.
    pub(crate) fn of_stdout() -> Colours {
        Colours(AutoStream::choice(&io::stdout()) != ColorChoice::Never)
    }

    /// Returns no colours.
    #[cfg(feature = "view")]
    pub(crate) fn none() -> Colours {
        Colours(false)
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.0 && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// Paints the key of an entry, or a title.
    pub(crate) fn key(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Paints the type of a value.
    pub(crate) fn kind(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// Paints a value.
    pub(crate) fn value(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Paints what is of less interest: lines of a tree, sizes.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// Paints an error.
    pub(crate) fn error(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_counts_wide_characters_twice() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("優良不良", 8), "優良不良");
        assert_eq!(cut("優良不良", 6), "優良…");
        assert_eq!(cut("優良不良", 5), "優良…");
    }

    #[test]
    fn colours_are_escapes_only_where_they_are_on() {
        assert_eq!(Colours(false).error("no"), "no");
        assert_eq!(Colours(true).error("no"), "\x1b[31mno\x1b[0m");
    }
}
