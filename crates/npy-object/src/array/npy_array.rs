//! [`NpyArray`]: an open array.

use std::ops::{ControlFlow, RangeBounds};
use std::path::PathBuf;
use std::sync::Arc;

use npy_header::Header;

use crate::decode::block::Block;
use crate::decode::cursor::Cursor;
#[cfg(feature = "serde")]
use crate::decode::elements::IntoDeserialize;
use crate::decode::elements::{ByteRanges, Elements, IntoElements};
use crate::decode::objects::Objects;
use crate::decode::outline::Outline;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::locate::index::{IndexKind, IndexUse};
use crate::locate::split::Split;
use crate::source::Source;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::globals::ArrayClass;
use crate::value::owned::OwnedElement;

/// An open array: its shape, and its elements, in order or by number.
///
/// A clone is another reader of the same array. It begins at the same element, knows the elements
/// that this one has found, and can be sent to another thread.
///
/// ```
/// let mut array = npy_object::open("tests/data/strings.npy")?;
/// array.next_element()?;
/// let mut other = array.clone();
/// assert_eq!(other.next_element()?.unwrap().as_str()?, "NumPy");
/// assert_eq!((array.position(), other.position()), (1, 2));
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone)]
pub struct NpyArray {
    layout: Arc<Layout>,
    cursor: Cursor,
}

impl NpyArray {
    pub(crate) fn new(layout: Layout, cursor: Cursor) -> NpyArray {
        NpyArray { layout: Arc::new(layout), cursor }
    }

    /// Returns the header of the preamble; `None` in a bare pickle, which has none.
    pub fn header(&self) -> Option<&Header> {
        self.layout.preamble.header.as_ref()
    }

    /// Returns a header that describes the array: that of the file where it agrees with the pickle.
    pub fn to_header(&self) -> Header {
        self.layout.to_header()
    }

    /// Returns where the data begin: bytes from the start of the file.
    pub fn data_offset(&self) -> u64 {
        self.layout.preamble.data
    }

    /// Returns the length of each dimension; none for an array without dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// Returns the class of the array; `None` where it is not NumPy's.
    pub fn class(&self) -> Option<ArrayClass> {
        self.layout.class
    }

    /// Returns whether NumPy would keep the array with its first index varying fastest. Elements
    /// come in C order in either case.
    pub fn fortran_order(&self) -> bool {
        self.layout.fortran_order
    }

    /// Returns the number of elements, from the first on, that are found without a survey. A caller
    /// that handles signals can read a far element in steps.
    #[doc(hidden)]
    pub fn known(&self) -> u64 {
        self.cursor.known()
    }

    /// Returns the type of the items; `None` where the header alone describes it, in an array
    /// without objects.
    pub fn item(&self) -> Option<&ItemType> {
        self.layout.item.as_ref()
    }

    /// Returns whether the data are a pickle.
    pub fn has_objects(&self) -> bool {
        self.cursor.has_objects()
    }

    /// Returns the number of elements. In an array of objects these are its items in C order, of
    /// any number of dimensions; in any other array its rows along the first axis. An array without
    /// dimensions has one.
    pub fn len(&self) -> u64 {
        self.cursor.len().unwrap_or(0)
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the next element, until there are no more. It is decoded into the memory of the last
    /// one: a loop takes the memory of one element, and allocates nothing once that is large
    /// enough.
    ///
    /// After an error there are no more elements; the elements before it are valid. A loop to the
    /// end reads the whole file: an error there means that the file is truncated or damaged.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut letters = 0;
    /// while let Some(element) = array.next_element()? {
    ///     letters += element.as_str()?.len();
    /// }
    /// assert_eq!(letters, 17);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    #[inline(always)]
    pub fn next_element(&mut self) -> Result<Option<Element<'_>>> {
        self.cursor.next()
    }

    /// Returns the next elements as a block, which is lent: at most `most` of them, and 1 MiB, unless one
    /// element is larger. `None` at the end.
    ///
    /// For callers that make values of their own of many elements: rows of a block are not decoded.
    /// Errors are those of [`next_element`](Self::next_element).
    ///
    /// ```
    /// use npy_object::{Plan, pickle::Hole};
    ///
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut letters = 0;
    /// while let Some(mut block) = array.next_block(1024)? {
    ///     let mut index = 0;
    ///     while index < block.len() {
    ///         match block.rows(index) {
    ///             Some(rows) if matches!(rows.plan().value(), Plan::Hole(_)) => {
    ///                 for hole in rows.column(0) {
    ///                     let Hole::Str(text) = hole else { panic!("expected a str") };
    ///                     letters += text.len as usize;
    ///                     index += 1;
    ///                 }
    ///             }
    ///             _ => {
    ///                 letters += block.element(index)?.unwrap().as_str()?.len();
    ///                 index += 1;
    ///             }
    ///         }
    ///     }
    /// }
    /// assert_eq!(letters, 17);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn next_block(&mut self, most: usize) -> Result<Option<Block<'_>>> {
        self.cursor.next_block(most)
    }

    /// Compares the size and checksum of an array in an archive with the ones that the archive has,
    /// as a loop does at the end: see [`Source::verify`](crate::Source::verify). Reads the bytes
    /// that were not read yet.
    ///
    /// Does nothing for an array that is not in an archive.
    pub fn verify(&self) -> Result<()> {
        self.cursor.source().verify()
    }

    /// Returns the element of this number, counted from 0 in the order in which [`next_element`]
    /// returns them; `None` past the last. This does not move a loop.
    ///
    /// The first time that an element is asked for, the file is surveyed up to it; after that, it
    /// is found from a checkpoint at most 32 KiB, or one element, before it.
    ///
    /// [`next_element`]: Self::next_element
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// assert_eq!(array.get(1)?.unwrap().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn get(&mut self, index: u64) -> Result<Option<Element<'_>>> {
        self.cursor.get(index)
    }

    /// Returns the number of the next element.
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Makes the element of this number the next one. It is found when it is read.
    pub fn seek(&mut self, index: u64) {
        self.cursor.seek(index);
    }

    /// Returns whether the next element was found and read, so that only decoding is left to do, of
    /// at most `bytes`. For a caller that holds a lock: reading may take long, decoding does not.
    #[inline]
    #[doc(hidden)]
    pub fn is_at_hand(&self, bytes: usize) -> bool {
        self.cursor.is_at_hand(bytes)
    }

    /// Returns an iterator of the elements from here on, each owning what it holds.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let elements: Vec<_> = array.elements().collect::<Result<_, _>>()?;
    /// assert_eq!(elements[1].element().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements(&mut self) -> Elements<'_> {
        Elements::new(&mut self.cursor, ..)
    }

    /// Returns an iterator of the elements of these numbers, each owning what it holds. Numbers
    /// past the last are left out, as in a slice in Python.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let last = array.elements_in(1..).rev().next().unwrap()?;
    /// assert_eq!(last.element().as_str()?, "objects");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements_in(&mut self, range: impl RangeBounds<u64>) -> Elements<'_> {
        Elements::new(&mut self.cursor, range)
    }

    /// Returns an iterator of the elements from here on that owns the array.
    ///
    /// ```
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let lengths = array.into_elements().map(|element| Ok(element?.element().as_str()?.len()));
    /// assert_eq!(lengths.collect::<npy_object::Result<Vec<_>>>()?, [5, 5, 7]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn into_elements(self) -> IntoElements {
        IntoElements::new(self.cursor)
    }

    /// Returns an iterator of the elements from here on as values of `T`, which owns the array.
    ///
    /// ```
    /// let array = npy_object::open("tests/data/strings.npy")?;
    /// let texts: Vec<String> = array.into_deserialize().collect::<npy_object::Result<_>>()?;
    /// assert_eq!(texts, ["hello", "NumPy", "objects"]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn into_deserialize<T: serde::de::DeserializeOwned>(self) -> IntoDeserialize<T> {
        IntoDeserialize::new(self.into_elements())
    }

    /// Returns an iterator of the places of the elements in the file, from here on: where the bytes of
    /// each array are, for a program that reads them itself.
    ///
    /// Fails with clause `access.type` where an element is not an array or a NumPy scalar without
    /// objects, and with clause `access.range` where its bytes are not in one piece in the file: where
    /// the file is compressed, and where protocols 0 to 2 of Python 3 have bytes as text.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let last = array.byte_ranges().last().expect("there are three")?;
    /// assert_eq!((last.shape, last.length), (vec![3], 24));
    /// let file = std::fs::read("tests/data/ragged.npy")?;
    /// assert_eq!(file[last.offset as usize + 8..][..8], 1.0f64.to_le_bytes());
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn byte_ranges(&mut self) -> ByteRanges<'_> {
        ByteRanges::new(&mut self.cursor)
    }

    /// Returns the outline of the element of this number, without reading its payload. For elements
    /// that are too large to be decoded.
    pub fn outline(&mut self, index: u64) -> Result<Option<Outline>> {
        Ok(self.cursor.outline(index)?.map(|(_, outline)| outline))
    }

    /// Returns the element of this number, owning what it holds: see [`get`](Self::get).
    pub fn get_owned(&mut self, index: u64) -> Result<Option<OwnedElement>> {
        self.cursor.get_owned(index)
    }

    /// Returns the elements of these numbers, in this order, each owning what it holds. They are read
    /// in the order of the file, so that elements that are near each other are found together.
    ///
    /// Fails as [`get`](Self::get) does, and where a number is past the last element.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let chosen = array.get_many(&[2, 0, 2])?;
    /// let texts: Vec<_> = chosen.iter().map(|element| element.element().as_str()).collect();
    /// assert_eq!(texts.into_iter().collect::<Result<Vec<_>, _>>()?, ["objects", "hello", "objects"]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn get_many(&mut self, numbers: &[u64]) -> Result<Vec<OwnedElement>> {
        let mut found: Vec<Option<OwnedElement>> = numbers.iter().map(|_| None).collect();
        let context = Arc::clone(self.cursor.context());
        self.visit(numbers, |place, element| {
            found[place] = Some(element.into_owned(Arc::clone(&context)));
            ControlFlow::Continue(())
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Calls `each` with the elements of these numbers, and with the place of each in `numbers`, until
    /// `each` breaks. They are read in the order of the file, and an element that is wanted several times
    /// is decoded once. Unlike [`get_many`](Self::get_many), this copies no element.
    ///
    /// Fails as [`get`](Self::get) does, and where a number is past the last element.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let mut lengths = [0; 3];
    /// array.visit(&[2, 0, 2], |place, element| {
    ///     lengths[place] = element.as_str().map_or(0, |text| text.len());
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(lengths, [7, 5, 7]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn visit(
        &mut self,
        numbers: &[u64],
        mut each: impl FnMut(usize, Element<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|&place| (numbers[place], place));
        for same in order.chunk_by(|&one, &next| numbers[one] == numbers[next]) {
            let number = numbers[same[0]];
            let Some(element) = self.get(number)? else {
                let message = format!("there is no element {number}");
                return Err(Error::usage("access.index", message));
            };
            for &place in same {
                if each(place, element).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the next element, owning what it holds.
    pub fn next_owned(&mut self) -> Result<Option<OwnedElement>> {
        self.cursor.next_owned()
    }

    /// Calls `map` with each element from here on, on several threads, and `each`, on this one,
    /// with each result, in the order of the elements, until `each` breaks. 0 threads are as many
    /// as the machine runs at once.
    ///
    /// Each thread takes the memory of an element, and some hundred results wait to be taken.
    /// Arrays without objects have nothing to decode: their rows come one after another.
    ///
    /// Fails as a loop would, after the elements that come before the error.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// let mut array = npy_object::open("tests/data/ragged.npy")?;
    /// let sum = |element: npy_object::Element<'_>| {
    ///     element.as_array::<f64>().map(|values| values.data().iter().sum::<f64>())
    /// };
    /// let mut sums = Vec::new();
    /// array.map_parallel(2, sum, |sum| {
    ///     sums.push(sum);
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(sums.into_iter().collect::<Result<Vec<_>, _>>()?, [0.0, 1.0, 3.0]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn map_parallel<T: Send>(
        &mut self,
        threads: usize,
        map: impl Fn(Element<'_>) -> T + Sync,
        mut each: impl FnMut(T) -> ControlFlow<()>,
    ) -> Result<()> {
        let first = self.position();
        let mut taken = 0;
        let outcome = self.fold_parallel(
            threads,
            Vec::new,
            |results, element| results.push(map(element)),
            |results| {
                results.into_iter().try_for_each(|result| {
                    taken += 1;
                    each(result)
                })
            },
        );
        self.seek(first + taken);
        outcome
    }

    /// Does what [`map_parallel`](Self::map_parallel) does, with one result for up to 8,192
    /// elements: `new` makes the result of none, `fold` adds an element, and `each` takes the
    /// results, in order.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// let mut letters = 0;
    /// npy_object::open("tests/data/strings.npy")?.fold_parallel(
    ///     2,
    ///     || 0,
    ///     |sum, element| *sum += element.as_str().map_or(0, |text| text.len()),
    ///     |sum| {
    ///         letters += sum;
    ///         ControlFlow::Continue(())
    ///     },
    /// )?;
    /// assert_eq!(letters, 17);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn fold_parallel<A: Send>(
        &mut self,
        threads: usize,
        new: impl Fn() -> A + Sync,
        fold: impl Fn(&mut A, Element<'_>) + Sync,
        each: impl FnMut(A) -> ControlFlow<()>,
    ) -> Result<()> {
        self.cursor.fold_parallel(threads, new, fold, each)
    }

    /// Returns up to `count` parts of the array, with about as many elements each, in order: for
    /// other processes or machines, which open them with
    /// [`Options::open_split`](crate::Options::open_split). Definitions before a part are found
    /// from there too.
    ///
    /// An array of objects that has no index is surveyed to its end.
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let splits = npy_object::open("tests/data/strings.npy")?.splits(2)?;
    /// let mut lengths = Vec::new();
    /// for split in &splits {
    ///     let mut part = Options::new().open_split("tests/data/strings.npy", split)?;
    ///     lengths.push(part.elements().count());
    /// }
    /// assert_eq!(lengths, [1, 2]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn splits(&mut self, count: usize) -> Result<Vec<Split>> {
        self.cursor.splits(count)
    }

    /// Limits a loop to the elements of a part.
    pub(crate) fn enter(&mut self, split: &Split) -> Result<()> {
        self.cursor.enter(split)
    }
    /// Returns where the data end: bytes from the start of the file. An array of objects is
    /// surveyed for it.
    pub fn data_end(&mut self) -> Result<u64> {
        self.cursor.data_end()
    }

    /// Writes the index of the file next to it, as `FILE.idx`, and returns where it is. With it,
    /// any element is found at once after the file is opened again. An array without objects needs
    /// none.
    ///
    /// Surveys the array to its end. If it takes at most a tenth of the file's size, the index has
    /// the place of every element, and otherwise one for each 32 KiB. An index is of one version of
    /// its file: it is not used after the file is changed.
    ///
    /// Fails as reading does, and where the array was not opened by its path.
    pub fn write_index(&mut self) -> Result<PathBuf> {
        self.write_index_as(IndexKind::Auto)
    }

    /// Writes an index as [`write_index`](Self::write_index) does, of this kind.
    pub fn write_index_as(&mut self, kind: IndexKind) -> Result<PathBuf> {
        self.cursor.write_index(kind)
    }

    /// Uses an index that is another source, of which only what is needed is read, and returns
    /// whether it is used: see [`Options::open_with_index`](crate::Options::open_with_index).
    pub fn use_index(
        &mut self,
        index: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<IndexUse> {
        self.cursor.use_index(index.try_into().map_err(Into::into)?)?;
        Ok(self.index_use())
    }

    /// Returns whether the index of the file is used.
    pub fn index_use(&self) -> IndexUse {
        self.cursor.index_use()
    }

    /// Returns the elements, where they are objects.
    pub(crate) fn objects_mut(&mut self) -> Option<&mut Objects> {
        self.cursor.objects_mut()
    }

    #[cfg(feature = "arrow")]
    pub(crate) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Returns the bytes of memory that the reader holds: windows on the file, the last decoded
    /// element, definitions, and checkpoints.
    pub fn memory(&self) -> usize {
        self.cursor.memory()
    }
}

impl std::fmt::Debug for NpyArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NpyArray").field("header", &self.header()).finish_non_exhaustive()
    }
}
