//! [`Contents`]: an array, a container or a single value; and the iterators over several of them in
//! one file.

use std::iter::FusedIterator;
use std::ops::Range;
use std::path::PathBuf;

use crate::array::npy_array::NpyArray;
use crate::decode::objects::Member;
use crate::decode::outline::Outline;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::locate::index::{IndexKind, IndexUse};
use crate::nested::at::At;
use crate::nested::container::Container;
use crate::options::Options;
use crate::source::Source;
use crate::source::format::Format;
use crate::value::element::Element;
use crate::value::owned::OwnedElement;

/// The array, container or value in a file: see [`Options::contents`].
///
/// The methods are those that an array and a container share. A value is read like a container with
/// one member, which is the value. A clone is another reader of the same elements.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Contents {
    /// An array of objects, or an array with a preamble.
    Array(NpyArray),
    /// A list, tuple, set, dict or deque that was pickled.
    Container(Box<Container>),
    /// Any other value that was pickled, an array of numbers for instance.
    Value(Box<OwnedElement>),
}

impl Contents {
    /// Returns the number of elements or members, where it is known without a survey to the end. A
    /// value counts as one.
    pub fn known_len(&self) -> Option<u64> {
        match self {
            Contents::Array(array) => Some(array.len()),
            Contents::Container(container) => container.known_len(),
            Contents::Value(_) => Some(1),
        }
    }

    /// Returns the number of elements or members. What was not surveyed is surveyed.
    pub fn count(&mut self) -> Result<u64> {
        match self {
            Contents::Array(array) => Ok(array.len()),
            Contents::Container(container) => container.count(),
            Contents::Value(_) => Ok(1),
        }
    }

    /// Returns the number of elements or members, from the first on, that are found without a survey.
    /// A caller that shows progress surveys a large file in steps: it asks for the
    /// [outline](Self::outline) of a member further on.
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let mut contents = Options::new().contents("tests/data/strings.npy")?;
    /// assert_eq!(contents.known(), 0);
    /// contents.outline(2)?;
    /// assert_eq!(contents.known(), 3);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn known(&self) -> u64 {
        match self {
            Contents::Array(array) => array.known(),
            Contents::Container(container) => container.known(),
            Contents::Value(_) => 1,
        }
    }

    /// Returns the element or member of this number, counted from 0; `None` past the last.
    pub fn get(&mut self, index: u64) -> Result<Option<Member<'_>>> {
        match self {
            Contents::Array(array) => Ok(array.get(index)?.map(Member::of_value)),
            Contents::Container(container) => container.get(index),
            Contents::Value(value) => Ok((index == 0).then(|| Member::of_value(value.element()))),
        }
    }

    /// Calls `each` with the elements or members of these numbers, one after another, until it
    /// fails. Only a range that goes past the last of them reads the file to its end.
    ///
    /// ```
    /// use npy_object::{Error, Options};
    ///
    /// let mut contents = Options::new().contents("tests/data/strings.npy")?;
    /// let mut texts = Vec::new();
    /// contents.for_each(1..u64::MAX, |member| {
    ///     texts.push(member.value.as_str()?.into_owned());
    ///     Ok::<(), Error>(())
    /// })?;
    /// assert_eq!(texts, ["NumPy", "objects"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn for_each<E: From<Error>>(
        &mut self,
        numbers: Range<u64>,
        mut each: impl FnMut(Member<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Contents::Array(array) => {
                array.seek(numbers.start);
                for _ in numbers {
                    let Some(element) = array.next_element()? else { break };
                    each(Member::of_value(element))?;
                }
            }
            Contents::Container(container) => {
                container.seek(numbers.start);
                for _ in numbers {
                    let Some(member) = container.next_member()? else { break };
                    each(member)?;
                }
            }
            Contents::Value(value) => {
                if numbers.contains(&0) {
                    each(Member::of_value(value.element()))?;
                }
            }
        }
        Ok(())
    }

    /// Returns the key, which only an entry of a dict has, and the outline of the element or member
    /// of this number; `None` past the last. For members that are too large to be decoded. A value
    /// was decoded when it was opened, and has no outline.
    pub fn outline(&mut self, index: u64) -> Result<Option<(Option<Element<'_>>, Outline)>> {
        match self {
            Contents::Array(array) => Ok(array.outline(index)?.map(|outline| (None, outline))),
            Contents::Container(container) => container.outline(index),
            Contents::Value(_) => Ok(None),
        }
    }

    /// Writes the index of the file next to it, and returns where it is: see
    /// [`NpyArray::write_index`] and [`Container::write_index`].
    ///
    /// Fails as these do, and with clause `access.index` for a value.
    pub fn write_index(&mut self) -> Result<PathBuf> {
        self.write_index_as(IndexKind::Auto)
    }

    /// Writes an index as [`write_index`](Self::write_index) does, of this kind.
    pub fn write_index_as(&mut self, kind: IndexKind) -> Result<PathBuf> {
        match self {
            Contents::Array(array) => array.write_index_as(kind),
            Contents::Container(container) => container.write_index_as(kind),
            Contents::Value(_) => {
                let message =
                    "expected an array or a container, found a single value, which needs no index";
                Err(Error::usage("access.index", message))
            }
        }
    }

    /// Returns the members of a list, tuple, set or deque as the elements of an array of one
    /// dimension, and an array as it is, so that they become a table. A container is surveyed to its
    /// end.
    ///
    /// Fails as reading does, and with clause `access.type` for a single value and for members with
    /// keys.
    ///
    /// ```
    /// use npy_object::{Contents, Options};
    ///
    /// let at = Options::new().at("tests/data/splits.npy", &".train".parse()?)?;
    /// let mut train = Contents::from(at).into_array()?;
    /// assert_eq!(train.shape(), [3]);
    /// assert_eq!(train.get(2)?.unwrap().as_i64()?, 5);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn into_array(self) -> Result<NpyArray> {
        let mut container = match self {
            Contents::Array(array) => return Ok(array),
            Contents::Container(container) => container,
            Contents::Value(value) => return Err(no_members(value.kind().name())),
        };
        let kind = container.kind();
        if kind.container() == pickle_stream::Container::Dict {
            return Err(no_members(kind.name()));
        }
        let len = usize::try_from(container.count()?).unwrap_or(usize::MAX);
        let (shape, cursor) = container.into_parts();
        let item = cursor.context().item.clone();
        Ok(NpyArray::new(Layout::of_members(shape.unwrap_or_else(|| vec![len]), item), cursor))
    }

    /// Returns whether the index of the file is used.
    pub fn index_use(&self) -> IndexUse {
        match self {
            Contents::Array(array) => array.index_use(),
            Contents::Container(container) => container.index_use(),
            Contents::Value(_) => IndexUse::None,
        }
    }
}

#[cold]
fn no_members(found: &str) -> Error {
    let message = format!("expected an array or members without keys, found {found}");
    Error::usage("access.type", message)
}

impl From<At> for Contents {
    fn from(at: At) -> Contents {
        match at {
            At::Container(container) => Contents::Container(container),
            At::Value(value) => Contents::Value(value),
        }
    }
}

/// The sections of a source: see [`Options::sections`].
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct Sections {
    options: Options,
    source: Source,
    /// Where the last section that was returned begins.
    last: Option<u64>,
    done: bool,
}

impl Sections {
    pub(crate) fn new(options: Options, source: Source) -> Sections {
        Sections { options, source, last: None, done: false }
    }

    fn read_next(&mut self) -> Result<Option<Source>> {
        let Some(last) = self.last else {
            self.source = self.options.unpack(self.source.clone())?;
            self.last = Some(0);
            return Ok(Some(self.source.clone()));
        };
        let begin = last + self.options.end_of(self.source.section(last..))?;
        if self.source.read_at(&mut [0], begin)? == 0 {
            return Ok(None);
        }
        let section = self.source.section(begin..);
        if Format::of(&section)? == Format::Other {
            let message = "expected an array or a pickle after the last one, found other bytes";
            return Err(Error::new(ErrorKind::Malformed, "npy.magic", begin, message));
        }
        self.last = Some(begin);
        Ok(Some(section))
    }
}

/// Ends after an error.
impl Iterator for Sections {
    type Item = Result<Source>;

    fn next(&mut self) -> Option<Result<Source>> {
        if self.done {
            return None;
        }
        let next = self.read_next().map_err(|error| self.source.explain(error)).transpose();
        self.done = match &next {
            Some(Ok(_)) => false,
            Some(Err(error)) => error.need().is_none(),
            None => true,
        };
        next
    }
}

impl FusedIterator for Sections {}

/// The arrays and pickles that follow one another in a file: see [`Options::all_contents`].
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct AllContents(Sections);

impl AllContents {
    pub(crate) fn new(sections: Sections) -> AllContents {
        AllContents(sections)
    }
}

/// Ends after an error.
impl Iterator for AllContents {
    type Item = Result<Contents>;

    fn next(&mut self) -> Option<Result<Contents>> {
        let contents = match self.0.next()? {
            Ok(section) => self.0.options.contents(section),
            Err(error) => Err(error),
        };
        self.0.done |= contents.is_err();
        Some(contents)
    }
}

impl FusedIterator for AllContents {}
