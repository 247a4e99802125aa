//! `npyo head`, `tail` and `sample`: some elements as a table.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::{Contents, ErrorKind};
use serde::Serialize;

use crate::command::{Output, Run};
use crate::failure::{Failure, printable, write_json};
use crate::input::{At, Input, Reading};
use crate::opened::LOOK;
use crate::show::Shown;
use crate::terminal::{Colours, columns, cut, width};

/// The arguments that the three commands share.
#[derive(Args)]
struct Shared {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    /// Show N elements
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    count: u64,

    /// Print a line of JSON for each element instead
    #[arg(long)]
    json: bool,

    /// Of a file that was cut off, also show the values of its last batch: the last of them may be
    /// parts of an element
    #[arg(long)]
    unfinished: bool,

    #[command(flatten)]
    reading: Reading,
}

/// Show the first elements as a table: number, key, type, dtype, shape, and a preview
///
/// A line of bars is drawn of one-dimensional numbers, from the least to the greatest of them, and the
/// table fits the terminal. An element of over 1 MiB is described and not decoded.
#[derive(Args)]
#[command(after_help = "\
Examples:
  npyo head data.npy
  npyo head -n 3 dict.npy --at .train")]
pub(crate) struct Head {
    #[command(flatten)]
    shared: Shared,
}

/// Show the last elements as a table, as head does
///
/// With an index next to the file (see `npyo index`) only the end of the file is read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  npyo tail data.npy")]
pub(crate) struct Tail {
    #[command(flatten)]
    shared: Shared,
}

/// Show some elements as a table, chosen at random, as head does
///
/// The same elements are chosen each time, unless --seed is another. With an index next to the file
/// (see `npyo index`) only these elements are read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  npyo sample data.npy
  npyo sample -n 50 --seed 2 data.npy")]
pub(crate) struct Sample {
    #[command(flatten)]
    shared: Shared,

    /// Choose other elements
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    seed: u64,
}

impl Run for Head {
    fn file(&self) -> &Path {
        &self.shared.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        // The number of elements of a long container need not be known.
        self.shared.run(out, |_, count| Ok((0..count).collect()))
    }
}

impl Run for Tail {
    fn file(&self) -> &Path {
        &self.shared.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.shared.run(out, |contents, count| {
            let len = contents.count()?;
            Ok((len.saturating_sub(count)..len).collect())
        })
    }
}

impl Run for Sample {
    fn file(&self) -> &Path {
        &self.shared.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.shared.run(out, |contents, count| Ok(choose(contents.count()?, count, self.seed)))
    }
}

impl Shared {
    /// Shows the elements that `choose` returns the numbers of, in order.
    fn run(
        &self,
        out: &mut impl Write,
        choose: impl FnOnce(&mut Contents, u64) -> npy_object::Result<Vec<u64>>,
    ) -> Result<(), Failure> {
        let opened = self.input.open()?;
        let reading = self.reading.with_unfinished(self.unfinished);
        let mut contents = opened.contents_for_look(&reading, self.at.given(), LOOK)?;
        let mut rows = Vec::new();
        let looked = choose(&mut contents, self.count.min(MOST))
            .and_then(|numbers| look(&mut contents, numbers, &mut rows));
        // The elements before an error are shown before it.
        match self.json {
            true => rows.iter().try_for_each(|row| write_json(out, row))?,
            false => write_table(out, &rows)?,
        }
        looked?;
        Ok(opened.check_archive()?)
    }
}

/// Elements that are shown at most, so that the table fits into memory.
const MOST: u64 = 100_000;

/// An element in short.
#[derive(Serialize)]
struct Row {
    index: u64,
    #[serde(flatten)]
    shown: Shown,
}

/// Looks at the elements with these numbers, as far as there are some.
fn look(contents: &mut Contents, numbers: Vec<u64>, rows: &mut Vec<Row>) -> npy_object::Result<()> {
    for index in numbers {
        let shown = match contents.get(index) {
            Ok(Some(member)) => Shown::of(member.key, member.value),
            Ok(None) => break,
            Err(error) if error.kind() == ErrorKind::Limit => match contents.outline(index)? {
                Some((key, outline)) => Shown::of_outline(key, &outline),
                None => break,
            },
            Err(error) => return Err(error),
        };
        rows.push(Row { index, shown });
    }
    Ok(())
}

/// Columns between two columns of the table.
const GAP: usize = 2;
/// Columns of the widest key, type, dtype and shape.
const WIDEST: [usize; 5] = [20, 24, 20, 16, 20];
/// Columns that a preview has at least.
const PREVIEW: usize = 16;

fn write_table(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let colours = Colours::of_stdout();
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let titles = ["", "key", "type", "dtype", "shape"];
    let mut widths = [0; 5];
    for (column, wide) in widths.iter_mut().enumerate() {
        let widest = cells.iter().map(|cells| width(&cells[column])).max().unwrap_or(0);
        *wide = if widest == 0 { 0 } else { widest.max(titles[column].len()) };
        *wide = (*wide).min(WIDEST[column]);
    }
    // Where a terminal is narrow, the columns before the preview are.
    let used = |widths: &[usize; 5]| {
        widths.iter().filter(|&&wide| wide > 0).map(|wide| wide + GAP).sum::<usize>()
    };
    let all = columns();
    while used(&widths) + PREVIEW > all {
        let Some(widest) = widths.iter_mut().skip(1).max().filter(|wide| **wide > 4) else { break };
        *widest -= 1;
    }
    let room = all.saturating_sub(used(&widths)).max(PREVIEW);
    let mut line = |cells: &[String; 5], rest: &str, paint: &dyn Fn(usize, &str) -> String| {
        let mut text = String::new();
        for (column, (cell, &wide)) in cells.iter().zip(&widths).enumerate() {
            if wide == 0 {
                continue;
            }
            let cell = cut(cell, wide);
            let pad = " ".repeat(wide - width(&cell));
            // Numbers are to the right.
            text += &match column {
                0 => format!("{pad}{}", paint(column, &cell)),
                _ => format!("{}{pad}", paint(column, &cell)),
            };
            text += &" ".repeat(GAP);
        }
        text += rest;
        writeln!(out, "{}", text.trim_end())
    };
    line(&titles.map(str::to_owned), "", &|_, title| colours.dim(title))?;
    for (row, cells) in rows.iter().zip(&cells) {
        let paint = |column: usize, cell: &str| match column {
            0 => colours.dim(cell),
            1 => colours.key(cell),
            _ => colours.kind(cell),
        };
        let Shown { bars, preview, .. } = &row.shown;
        let bars = bars.as_deref().unwrap_or_default();
        let gap = usize::from(!bars.is_empty());
        let left = room.saturating_sub(width(bars) + gap);
        let preview = cut(&printable(preview), left);
        let rest = format!("{}{}{preview}", colours.value(bars), " ".repeat(gap));
        line(cells, &rest, &paint)?;
    }
    Ok(())
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let Shown { key, kind, dtype, shape, .. } = &self.shown;
        let cell = |text: &Option<String>| text.as_deref().map_or_else(String::new, printable);
        [self.index.to_string(), cell(key), printable(kind), cell(dtype), cell(shape)]
    }
}

/// Returns up to `count` different numbers below `len`, in order: Floyd's algorithm.
fn choose(len: u64, count: u64, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut chosen = std::collections::BTreeSet::new();
    for last in len.saturating_sub(count)..len {
        let number = ((u128::from(random(&mut state)) * (u128::from(last) + 1)) >> 64) as u64;
        if !chosen.insert(number) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// Returns the next number of SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choose_returns_different_numbers_in_order() {
        for (len, count) in [(0, 5), (3, 5), (1000, 10), (u64::MAX, 3)] {
            let chosen = choose(len, count, 7);
            assert_eq!(chosen.len() as u64, count.min(len));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "{chosen:?}");
            assert!(chosen.iter().all(|&number| number < len), "{chosen:?}");
            assert_eq!(chosen, choose(len, count, 7));
        }
        assert_ne!(choose(1000, 10, 0), choose(1000, 10, 1));
    }
}
