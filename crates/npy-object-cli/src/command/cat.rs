//! `npyo cat`: the elements as JSON lines.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::json::{PlainJson, TypedJson, write_header};
use npy_object::nested::Member;
use npy_object::{Contents, NpyArray};

use crate::command::{Output, Run};
use crate::failure::Failure;
use crate::input::{At, Input, Inputs, Names, Range, Reading, Several};
use crate::opened::Opened;
use crate::progress::progress_bar;

/// Print the elements as JSON, one a line
///
/// Arrays become nested lists, dicts objects, bytes base64; dates are ISO 8601. Takes the memory of
/// one element, however long the file is. An array without objects is printed row by row, a dict that
/// was saved alone entry by entry, a pickle of a list, tuple, set, dict or deque member by member.
/// Where several arrays or pickles follow one another, the first is printed. The names of several files
/// are printed on standard error, so that the lines of all can be read by another program.
///
/// Where the file has an error, the elements before it are printed, then the error. Of a file that was
/// cut off these are the elements of its whole batches (NumPy writes batches of 1,000): see
/// --unfinished.
///
/// Plain JSON loses some differences; --typed keeps all. NaN and infinities are the strings "NaN",
/// "Infinity" and "-Infinity", NaT is "NaT". A key that is not a str becomes its JSON text, as in
/// Python's json module, so that {1: .., '1': ..} has the key "1" twice. A key that the file sets twice
/// is printed twice, where Python keeps the last. An array of over 65,536 empty lists, such as one of
/// shape (100000, 0), is []. A value inside itself is "...".
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cat {
    #[command(flatten)]
    inputs: Inputs,

    /// Print typed JSON, which keeps every difference between values and every shared object; the
    /// first line gives dtype and shape of the array
    #[arg(long)]
    typed: bool,

    /// Print an element that is a str as it is, without quotes and escapes
    #[arg(long, short, conflicts_with_all = ["typed", "rows"])]
    raw: bool,

    /// Print an object array of several dimensions row by row: a line for each index of the first
    /// dimension, nested as the others are. --from and --to count rows
    #[arg(long, conflicts_with_all = ["typed", "at"])]
    rows: bool,

    #[command(flatten)]
    at: At,

    #[command(flatten)]
    range: Range,

    /// Of a file that was cut off, also print the values of its last batch. No element before the cut is
    /// missing then, but the last lines may be parts of an element
    #[arg(long)]
    unfinished: bool,

    #[command(flatten)]
    several: Several,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo cat data.npy | head -3
  npyo cat data.npy --from 1000 --to 1010
  npyo cat data.npy --from -5     the last five elements
  npyo cat arrays.npz:train | head -3
  npyo cat table.npy --rows       one line for each row of a 2-d array of objects
  npyo cat dict.npy --at .train[3]        the same as ['train'][3]
  npyo cat data.npy | jq length
  npyo cat appended.npy --all";

impl Run for Cat {
    fn file(&self) -> &Path {
        self.inputs.first()
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.inputs.each(Names::Stderr, out, |input, out| self.print_file(input, out))
    }
}

impl Cat {
    fn print_file(&self, input: &Input, out: &mut impl Write) -> Result<(), Failure> {
        let mut opened = input.open()?;
        let mut lines = Lines::new(self.typed, self.raw);
        let all = self.several.all;
        opened.each(all, |opened| self.print(opened, &mut lines, out))?;
        if !all {
            // Without the whole array, finding its end would take a walk through the rest of the file.
            opened.note_rest(!self.is_whole())?;
        }
        Ok(opened.check_archive()?)
    }

    /// Returns whether all elements are printed.
    fn is_whole(&self) -> bool {
        self.range.is_whole() && self.at.given().is_none()
    }

    /// Prints the elements of an array or pickle.
    fn print(
        &self,
        opened: &Opened<'_>,
        lines: &mut Lines,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let reading = self.reading.with_unfinished(self.unfinished);
        let mut contents = opened.contents(&reading, self.at.given(), !self.typed)?;
        if let (true, Contents::Array(array)) = (self.rows, &mut contents)
            && array.has_objects()
            && array.shape().len() > 1
        {
            return self.print_rows(array, out);
        }
        let count = match self.range.counts_from_the_end() {
            true => contents.count()?,
            false => 0,
        };
        let (from, to) = self.range.of(count);
        let bar = progress_bar(contents.known_len().map(|len| to.min(len)), from);
        if let (true, true, Contents::Array(array)) = (self.typed, self.is_whole(), &mut contents) {
            write_header(out, &array.to_header())?;
            out.write_all(b"\n")?;
            array.mark_shared();
        }
        // Without --to, the loop goes on to the end of the file, so that a truncation is an error.
        contents.for_each(from..to, |member| -> Result<(), Failure> {
            lines.write(out, member)?;
            bar.inc(1);
            Ok(())
        })?;
        if self.is_whole() {
            if let Contents::Array(array) = &mut contents {
                opened.ends_at(array.data_end()?);
            }
            opened.verify()?;
        }
        Ok(())
    }

    /// Prints an array of several dimensions, a line for each index of the first one.
    fn print_rows(&self, array: &mut NpyArray, out: &mut impl Write) -> Result<(), Failure> {
        let (count, shape) = array.shape().split_first().expect("it has several dimensions");
        let (count, shape) = (*count as u64, shape.to_vec());
        let size = array.len().checked_div(count).unwrap_or(0);
        let (from, to) = self.range.of(count);
        let (from, to) = (from.min(count), to.min(count));
        let bar = progress_bar(Some(to.saturating_sub(from)), 0);
        array.seek(from * size);
        let mut json = PlainJson::new();
        for _ in from..to {
            if size == 0 {
                out.write_all(b"[]\n")?;
                continue;
            }
            for index in 0..size {
                let Some(element) = array.next_element()? else { return Ok(()) };
                let turns = nested(&shape, index);
                if index > 0 {
                    (0..turns).try_for_each(|_| out.write_all(b"]"))?;
                    out.write_all(b",")?;
                }
                (0..turns).try_for_each(|_| out.write_all(b"["))?;
                json.write(out, element)?;
            }
            (0..shape.len()).try_for_each(|_| out.write_all(b"]"))?;
            out.write_all(b"\n")?;
            bar.inc(1);
        }
        // Reading past the last element checks the end of the file.
        if to == count {
            array.next_element()?;
        }
        Ok(())
    }
}

/// Returns how many nested lists begin at the item of this number in C order.
fn nested(shape: &[usize], index: u64) -> usize {
    let mut size = 1u64;
    let begins = shape.iter().rev().take_while(|&&length| {
        size = size.saturating_mul(length as u64);
        index.is_multiple_of(size)
    });
    begins.count()
}

/// A writer of lines: JSON, typed JSON, or strs as they are.
pub(crate) struct Lines {
    json: Json,
    raw: bool,
}

enum Json {
    Plain(PlainJson),
    Typed(TypedJson),
}

impl Lines {
    pub(crate) fn new(typed: bool, raw: bool) -> Lines {
        let json =
            if typed { Json::Typed(TypedJson::new()) } else { Json::Plain(PlainJson::new()) };
        Lines { json, raw }
    }

    pub(crate) fn write(&mut self, out: &mut impl Write, member: Member<'_>) -> io::Result<()> {
        let text = match member.key {
            None if self.raw => member.value.as_str().ok(),
            _ => None,
        };
        match (&mut self.json, text) {
            (_, Some(text)) => out.write_all(text.as_bytes())?,
            (Json::Plain(json), None) => json.write_member(out, member)?,
            (Json::Typed(json), None) => json.write_member(out, member)?,
        }
        out.write_all(b"\n")
    }
}
