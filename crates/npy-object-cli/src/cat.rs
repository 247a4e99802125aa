//! `npyo cat`: the elements, as JSON lines.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::json::{PlainJson, TypedJson, write_header};
use npy_object::{Contents, Member, Subscripts};

use crate::failure::Failure;
use crate::input::{Input, Opened, Reading, Several};
use crate::progress::progress_bar;

/// Print the elements as JSON, one a line
///
/// Arrays become nested lists, dicts objects, bytes base64; dates are ISO 8601. Memory is that of
/// one element, whatever the length of the file. An array without objects is printed row by row, a
/// dict that was saved alone entry by entry, a pickle of a list, tuple, set, dict or deque member by
/// member. Where several arrays or pickles follow one another, the first is printed.
///
/// Elements that come before an error in the file are printed before it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cat {
    #[command(flatten)]
    input: Input,

    /// Print typed JSON, which tells every value from every other and keeps what is shared; before
    /// all elements of an array comes a line with its dtype and shape
    #[arg(long)]
    typed: bool,

    /// Go in: print the members of the container under these subscripts, or the value there
    #[arg(long, value_name = "['KEY'][N]")]
    at: Option<Subscripts>,

    /// Start at element N, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    #[arg(allow_negative_numbers = true, value_parser = position)]
    from: u64,

    /// Stop before element N
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = position)]
    to: Option<u64>,

    #[command(flatten)]
    several: Several,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo cat data.npy | head -3
  npyo cat data.npy --from 1000 --to 1010
  npyo cat arrays.npz:train | head -3
  npyo cat dict.npy --at '[\"train\"][3]'
  npyo cat data.npy | jq length
  npyo cat appended.npy --all";

impl Cat {
    pub(crate) fn file(&self) -> &Path {
        &self.input.file
    }

    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let mut opened = self.input.open()?;
        let mut lines = Lines::new(self.typed);
        let all = self.several.all;
        opened.each(all, |opened| self.print(opened, &mut lines, out))?;
        if !all {
            // Of a file of which a part was asked for, the rest is not walked through.
            opened.note_rest(!self.is_whole())?;
        }
        Ok(())
    }

    /// Whether all elements are printed.
    fn is_whole(&self) -> bool {
        self.from == 0 && self.to.is_none() && self.at.is_none()
    }

    /// Prints what the file holds.
    fn print(
        &self,
        opened: &Opened<'_>,
        lines: &mut Lines,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let mut contents = opened.contents(&self.reading, self.at.as_ref(), !self.typed)?;
        let to = self.to.unwrap_or(u64::MAX);
        let bar = progress_bar(contents.known_len().map(|len| to.min(len)), self.from);
        if let (true, true, Contents::Array(array)) = (self.typed, self.is_whole(), &mut contents) {
            write_header(out, &array.to_header())?;
            out.write_all(b"\n")?;
            array.mark_shared();
        }
        let mut each = |member: Member<'_>| -> Result<(), Failure> {
            lines.write(out, member)?;
            bar.inc(1);
            Ok(())
        };
        // Without an end this goes on until there are no more: only then is the file known to be
        // whole.
        match &mut contents {
            Contents::Array(array) => {
                array.seek(self.from);
                for _ in self.from..to {
                    let Some(value) = array.next_element()? else { break };
                    each(Member { key: None, value })?;
                }
                if self.is_whole() {
                    opened.ends_at(array.data_end()?);
                }
            }
            Contents::Container(container) => {
                container.seek(self.from);
                for _ in self.from..to {
                    let Some(member) = container.next_member()? else { break };
                    each(member)?;
                }
            }
            _ => {
                if let (0, 1.., Some(member)) = (self.from, to, contents.get(0)?) {
                    each(member)?;
                }
            }
        }
        if self.is_whole() {
            opened.verify()?;
        }
        Ok(())
    }
}

/// A writer of either form.
pub(crate) enum Lines {
    Plain(PlainJson),
    Typed(TypedJson),
}

impl Lines {
    pub(crate) fn new(typed: bool) -> Lines {
        if typed { Lines::Typed(TypedJson::new()) } else { Lines::Plain(PlainJson::new()) }
    }

    pub(crate) fn write(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        match self {
            Lines::Plain(json) => json.write_member(out, member)?,
            Lines::Typed(json) => json.write_member(out, member)?,
        }
        out.write_all(b"\n")
    }
}

/// The number of an element. Python counts negative ones from the end; here they are refused.
fn position(text: &str) -> Result<u64, String> {
    if text.starts_with('-') {
        return Err("elements are counted from 0; none is negative".to_owned());
    }
    text.parse().map_err(|error: std::num::ParseIntError| error.to_string())
}
