//! Reads the file of a work into columns with code that is written by hand for that one file:
//! `columns NAME`, for `ragged`, `strings`, `ints` and `dicts`. Prints the least seconds of three runs,
//! the rows, the values in the columns, and the peak of memory in KiB (0 where the system does not
//! report it). Used by `tables.py`.
//!
//! A measure of what the machine allows, and no reader: it knows the instructions and the memo indices
//! that `generate.py` writes with NumPy 2, so it compares them, copies what is between them, and checks
//! nothing else. The first element, which defines the keys or the dtype, is skipped. The columns are
//! emptied and filled again after each batch, in which texts are checked to be UTF-8, and numbers are
//! summed.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::Path;

use npy_object_benches::{WORKS, best, peak};

/// Rows of a batch.
const ROWS: usize = 1 << 13;
/// Bytes of the file that are in memory.
const WINDOW: usize = 512 << 10;
/// More bytes than an element has.
const LONGEST: usize = 4096;

const FRAME: u8 = 0x95;
const MEMOIZE: u8 = 0x94;
const MARK: u8 = b'(';
const APPENDS: u8 = b'e';
/// The instruction after the list of the elements.
const TUPLE: u8 = b't';
/// The list of the elements, up to the first one.
const LIST: &[u8] = b"]\x94(";

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let work = WORKS.iter().find(|work| work.name == name).ok_or("no work has this name")?;
    let file = work.file()?;
    let (seconds, count, values) = best(|| match name.as_str() {
        "strings" => read::<Strings>(&file),
        "ragged" => read::<Ragged>(&file),
        "ints" => read::<Ints>(&file),
        "dicts" => read::<Dicts>(&file),
        _ => Err("no columns are written by hand for this work".into()),
    })?;
    println!("{seconds} {count} {values} {}", peak());
    Ok(())
}

/// The columns of a work.
trait Columns: Default {
    /// The last instruction of an element.
    const LAST: u8;

    /// Adds the element at the beginning of the bytes, and leaves those after it. Returns `None`, and
    /// adds nothing, where the instructions are others.
    fn add(&mut self, bytes: &mut &[u8]) -> Option<()>;

    /// Checks the columns of a batch, empties them, and returns how many values they had.
    fn end_batch(&mut self) -> Result<usize, Box<dyn Error>>;
}

/// Reads a file, and returns the rows and the values.
fn read<C: Columns>(path: &Path) -> Result<(u64, f64), Box<dyn Error>> {
    let mut window = Window::new(File::open(path)?);
    let mut columns = C::default();
    let begin = window.fill()?;
    let list = begin.windows(LIST.len()).position(|bytes| bytes == LIST).ok_or("no list")?;
    let mut bytes = &begin[list + LIST.len()..];
    while columns.add(&mut bytes).is_none() {
        bytes = bytes.get(1..).ok_or("the elements are written in another way")?;
    }
    let skipped = begin.len() - bytes.len();
    window.begin += skipped;
    let (mut rows, mut in_batch, mut values) = (1, 1, 0);
    loop {
        let bytes = window.fill()?;
        let mut after = bytes;
        match bytes.first() {
            Some(&FRAME) => after = &bytes[9..],
            Some(&(MARK | APPENDS)) => after = &bytes[1..],
            Some(&TUPLE) | None => break,
            Some(_) => {
                if columns.add(&mut after).is_none() {
                    let (element, length) = without_frames(bytes, C::LAST);
                    let added = columns.add(&mut element.as_slice());
                    added.ok_or_else(|| format!("row {rows} is written in another way"))?;
                    after = &bytes[length..];
                }
                rows += 1;
                in_batch += 1;
            }
        }
        let length = bytes.len() - after.len();
        window.begin += length;
        if in_batch == ROWS {
            values += columns.end_batch()?;
            in_batch = 0;
        }
    }
    values += columns.end_batch()?;
    Ok((rows, values as f64))
}

/// Returns the instructions of an element without the frames among them, and their length with these.
#[cold]
fn without_frames(bytes: &[u8], last: u8) -> (Vec<u8>, usize) {
    let (mut element, mut at) = (Vec::new(), 0);
    loop {
        let opcode = bytes[at];
        let length = match opcode {
            FRAME => 9,
            b'h' | b'K' => 2,
            b'M' => 3,
            b'J' | b'j' => 5,
            b'C' | 0x8c => 2 + usize::from(bytes[at + 1]),
            _ => 1,
        };
        if opcode != FRAME {
            element.extend_from_slice(&bytes[at..at + length]);
        }
        at += length;
        if opcode == last {
            return (element, at);
        }
    }
}

/// The part of a file that is in memory.
struct Window {
    file: File,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Window {
    fn new(file: File) -> Window {
        Window { file, buffer: vec![0; WINDOW], begin: 0, end: 0 }
    }

    /// Returns the bytes from `begin` on: a whole element, or all that are left.
    #[inline(always)]
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.end - self.begin < LONGEST {
            self.refill()?;
        }
        Ok(&self.buffer[self.begin..self.end])
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        while self.end < self.buffer.len() {
            match self.file.read(&mut self.buffer[self.end..])? {
                0 => break,
                read => self.end += read,
            }
        }
        Ok(())
    }
}

/// Texts, one after another, and where each ends.
#[derive(Default)]
struct Strings {
    text: Vec<u8>,
    ends: Vec<u64>,
}

impl Columns for Strings {
    const LAST: u8 = MEMOIZE;

    #[inline(always)]
    fn add(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let [0x8c, length, rest @ ..] = *bytes else { return None };
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        *bytes = rest.strip_prefix(b"\x94")?;
        self.text.extend_from_slice(text);
        self.ends.push(self.text.len() as u64);
        Some(())
    }

    fn end_batch(&mut self) -> Result<usize, Box<dyn Error>> {
        let text = std::str::from_utf8(&self.text)?;
        if !self.ends.iter().all(|&end| text.is_char_boundary(end as usize)) {
            return Err("a text ends within a character".into());
        }
        let count = text.len();
        self.text.clear();
        self.ends.clear();
        Ok(count)
    }
}

/// The bytes of the numbers of every array, one after another, and where each array ends.
#[derive(Default)]
struct Ragged {
    numbers: Vec<u8>,
    ends: Vec<u64>,
}

impl Columns for Ragged {
    const LAST: u8 = b'b';

    #[inline(always)]
    fn add(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let rest = bytes.strip_prefix(b"h\x02h\x05K\0\x85\x94h\x07\x87\x94R\x94(K\x01K")?;
        let (length, rest) = rest.split_first()?;
        let rest = rest.strip_prefix(b"\x85\x94h\x19\x89C")?;
        let (size, rest) = rest.split_first()?;
        if usize::from(*size) != usize::from(*length) * 8 {
            return None;
        }
        let (numbers, rest) = rest.split_at_checked(usize::from(*size))?;
        *bytes = rest.strip_prefix(b"\x94t\x94b")?;
        self.numbers.extend_from_slice(numbers);
        self.ends.push(self.numbers.len() as u64 / 8);
        Some(())
    }

    fn end_batch(&mut self) -> Result<usize, Box<dyn Error>> {
        let (numbers, _) = self.numbers.as_chunks();
        black_box(numbers.iter().copied().map(f64::from_le_bytes).sum::<f64>());
        let count = numbers.len();
        self.numbers.clear();
        self.ends.clear();
        Ok(count)
    }
}

/// The ints of every list, one after another, and where each list ends.
#[derive(Default)]
struct Ints {
    ints: Vec<i64>,
    ends: Vec<u64>,
}

impl Columns for Ints {
    const LAST: u8 = APPENDS;

    #[inline(always)]
    fn add(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let before = self.ints.len();
        let mut rest = bytes.strip_prefix(b"]\x94(")?;
        while let Some(number) = int(&mut rest) {
            self.ints.push(number);
        }
        let Some(rest) = rest.strip_prefix(&[APPENDS]) else {
            self.ints.truncate(before);
            return None;
        };
        *bytes = rest;
        self.ends.push(self.ints.len() as u64);
        Some(())
    }

    fn end_batch(&mut self) -> Result<usize, Box<dyn Error>> {
        black_box(self.ints.iter().map(|&number| number as f64).sum::<f64>());
        let count = self.ints.len();
        self.ints.clear();
        self.ends.clear();
        Ok(count)
    }
}

/// The values of `id`, `name` and `v`, a list of three ints.
#[derive(Default)]
struct Dicts {
    ids: Vec<i64>,
    names: Strings,
    v: Vec<i64>,
}

impl Columns for Dicts {
    const LAST: u8 = b'u';

    #[inline(always)]
    fn add(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = bytes.strip_prefix(b"}\x94(h\x14")?;
        let id = int(&mut rest)?;
        let [b'h', 0x15, 0x8c, length, after @ ..] = rest else { return None };
        let (name, after) = after.split_at_checked(usize::from(*length))?;
        let mut rest = after.strip_prefix(b"\x94h\x17]\x94(")?;
        let v = [int(&mut rest)?, int(&mut rest)?, int(&mut rest)?];
        *bytes = rest.strip_prefix(b"eu")?;
        self.ids.push(id);
        self.names.text.extend_from_slice(name);
        self.names.ends.push(self.names.text.len() as u64);
        self.v.extend_from_slice(&v);
        Some(())
    }

    fn end_batch(&mut self) -> Result<usize, Box<dyn Error>> {
        black_box(self.ids.iter().sum::<i64>());
        let count = self.ids.len() + self.names.end_batch()? + self.v.len();
        self.ids.clear();
        self.v.clear();
        Ok(count)
    }
}

/// Reads the instruction of an int of one, two or four bytes.
#[inline(always)]
fn int(bytes: &mut &[u8]) -> Option<i64> {
    let (number, rest) = match *bytes {
        [b'K', a, rest @ ..] => (i64::from(*a), rest),
        [b'M', a, b, rest @ ..] => (i64::from(u16::from_le_bytes([*a, *b])), rest),
        [b'J', a, b, c, d, rest @ ..] => (i64::from(i32::from_le_bytes([*a, *b, *c, *d])), rest),
        _ => return None,
    };
    *bytes = rest;
    Some(number)
}
