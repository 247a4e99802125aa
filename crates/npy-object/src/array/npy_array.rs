//! [`NpyArray`]: what the user holds.

use std::ops::{ControlFlow, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use npy_header::{DType, Header, Version};

use crate::array::elements::Elements;
use crate::decode::members::Members;
use crate::decode::outline::Outline;
use crate::decode::parallel::{self, Work};
use crate::decode::rows::Rows;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ArrayState;
use crate::locate::index::{Index, IndexUse};
use crate::locate::split::Split;
use crate::source::Source;
use crate::value::context::Context;
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::globals::ArrayClass;
use crate::value::owned::OwnedElement;

/// An open array: its shape, and its elements one after another, or in any order.
pub struct NpyArray {
    header: Option<Header>,
    /// Where the data begin.
    data_offset: u64,
    class: Option<ArrayClass>,
    shape: Vec<usize>,
    fortran_order: bool,
    context: Arc<Context>,
    elements: Payload,
    /// Where it was opened from.
    file: Option<PathBuf>,
    index: IndexUse,
}

enum Payload {
    Objects(Box<Members>),
    Rows(Box<Rows>),
}

impl NpyArray {
    pub(crate) fn of_objects(
        header: Option<Header>,
        data_offset: u64,
        members: Members,
        state: &ArrayState,
    ) -> NpyArray {
        NpyArray {
            header,
            data_offset,
            class: state.class,
            shape: state.shape.to_vec(),
            fortran_order: state.fortran_order,
            context: Arc::clone(&members.decoder.context),
            elements: Payload::Objects(Box::new(members)),
            file: None,
            index: IndexUse::None,
        }
    }

    pub(crate) fn of_rows(
        header: Header,
        data_offset: u64,
        rows: Rows,
        context: Context,
    ) -> NpyArray {
        NpyArray {
            class: Some(ArrayClass::Array),
            shape: header.shape.clone(),
            fortran_order: header.fortran_order,
            header: Some(header),
            data_offset,
            context: Arc::new(context),
            elements: Payload::Rows(Box::new(rows)),
            file: None,
            index: IndexUse::None,
        }
    }

    /// What the preamble says; `None` in a bare pickle, which has none.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// A header of what the array is: that of the file where they agree.
    pub fn to_header(&self) -> Header {
        let dtype = match (&self.header, &self.context.item) {
            (Some(header), _) => header.dtype.clone(),
            (None, Some(ItemType::Plain(dtype))) => dtype.clone(),
            (None, _) => DType::OBJECT,
        };
        let version = self.header.as_ref().map_or(Version::V1, |header| header.version);
        Header { version, ..Header::new(dtype, self.fortran_order, self.shape.clone()) }
    }

    /// Where the data begin: bytes from the start of the file.
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// The length of each dimension; empty for a 0-d array.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The class of the array; `None` where it is not NumPy's.
    pub fn class(&self) -> Option<ArrayClass> {
        self.class
    }

    /// Whether NumPy would keep the array with its first index varying fastest. Elements come in C
    /// order all the same.
    pub fn fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// How many elements, from the first on, can be found without a survey of what was never
    /// looked at. Those who want to be asked between, by a signal for instance, go to a far element
    /// in steps of it.
    pub fn known(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.batches.known(),
            Payload::Rows(rows) => rows.len(),
        }
    }

    /// What the items are; `None` where the header alone says it, in an array without objects.
    pub fn item(&self) -> Option<&ItemType> {
        self.context.item.as_ref()
    }

    /// Whether the data are a pickle.
    pub fn has_objects(&self) -> bool {
        matches!(self.elements, Payload::Objects(_))
    }

    /// How many elements there are in all. In an array of objects these are its items in C order,
    /// whatever its dimensions; in any other its rows along the first axis. An array without
    /// dimensions has one.
    pub fn len(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.len().unwrap_or(0),
            Payload::Rows(rows) => rows.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next element, until there are no more. It uses again what the last one was decoded into,
    /// so that a loop takes the memory of one element, and allocates nothing once that is large
    /// enough.
    ///
    /// After an error there are no more elements; those that came before it are what they are.
    /// Whoever comes to the end by going on has seen the whole file: an error there says that the
    /// file is not whole.
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
    // Inlined, so that an element, of which a loop mostly wants a part, is never put together.
    #[inline(always)]
    pub fn next_element(&mut self) -> Result<Option<Element<'_>>> {
        match &mut self.elements {
            Payload::Objects(members) => {
                let Some(decoded) = members.next()? else { return Ok(None) };
                Ok(Some(members.decoder.element(decoded, decoded.first)))
            }
            Payload::Rows(rows) => Ok(rows.next()?.map(|row| Element::row(row, &self.context))),
        }
    }

    /// Compares size and checksum of an array in an archive with those that the archive has, as a
    /// loop does where it comes to the end: see [`Source::verify`](crate::Source::verify). What was
    /// not read yet is read.
    ///
    /// Of an array that is not in an archive there is nothing to compare.
    pub fn verify(&self) -> Result<()> {
        match &self.elements {
            Payload::Objects(members) => members.decoder.window.source().verify(),
            Payload::Rows(rows) => rows.source().verify(),
        }
    }

    /// The element of this number, counted from 0 in the order in which [`next_element`] gives
    /// them; `None` where there are not so many. A loop goes on where it was.
    ///
    /// The first time that an element is asked for, the file is surveyed up to it; after that, it is
    /// found from a place a few thousand elements before it at most, wherever it is.
    ///
    /// [`next_element`]: Self::next_element
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// assert_eq!(array.get(1)?.unwrap().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn get(&mut self, index: u64) -> Result<Option<Element<'_>>> {
        match &mut self.elements {
            Payload::Objects(members) => {
                let Some(decoded) = members.get(index)? else { return Ok(None) };
                Ok(Some(members.decoder.element(decoded, decoded.first)))
            }
            Payload::Rows(rows) => Ok(rows.get(index)?.map(|row| Element::row(row, &self.context))),
        }
    }

    /// The number of the element that comes next.
    pub fn position(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.position(),
            Payload::Rows(rows) => rows.position(),
        }
    }

    /// Makes the element of this number the one that comes next. It is looked for when it is asked
    /// for.
    pub fn seek(&mut self, index: u64) {
        match &mut self.elements {
            Payload::Objects(members) => members.seek(index),
            Payload::Rows(rows) => rows.seek(index),
        }
    }

    /// Whether the element that comes next was found and read already, so that only decoding is
    /// left to do, of at most `bytes`. For those who hold a lock that others want: reading may take
    /// long, this does not.
    #[inline]
    pub fn is_at_hand(&self, bytes: usize) -> bool {
        match &self.elements {
            Payload::Objects(members) => members.is_at_hand(bytes),
            Payload::Rows(rows) => rows.is_at_hand(bytes),
        }
    }

    /// Another reader of the same array, which stands where this one stands and knows the places
    /// that this one has found. Each goes its own way, on any thread.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// array.next_element()?;
    /// let mut other = array.try_clone()?;
    /// assert_eq!(other.next_element()?.unwrap().as_str()?, "NumPy");
    /// assert_eq!((array.position(), other.position()), (1, 2));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn try_clone(&self) -> Result<NpyArray> {
        let (context, elements) = match &self.elements {
            Payload::Objects(members) => {
                let members = members.try_clone()?;
                (Arc::clone(&members.decoder.context), Payload::Objects(Box::new(members)))
            }
            Payload::Rows(rows) => {
                (Arc::clone(&self.context), Payload::Rows(Box::new(rows.sibling())))
            }
        };
        Ok(NpyArray {
            header: self.header.clone(),
            data_offset: self.data_offset,
            class: self.class,
            shape: self.shape.clone(),
            fortran_order: self.fortran_order,
            context,
            elements,
            file: self.file.clone(),
            index: self.index,
        })
    }

    /// The elements from here on, each owning what it holds, for those who keep or send them.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let elements: Vec<_> = array.elements().collect::<Result<_, _>>()?;
    /// assert_eq!(elements[1].element().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements(&mut self) -> Elements<'_> {
        Elements::new(self, ..)
    }

    /// The elements of these numbers, each owning what it holds. Elements that are not there are
    /// left out, as in Python.
    ///
    /// ```
    /// let mut array = npy_object::open("tests/data/strings.npy")?;
    /// let last = array.elements_in(1..).rev().next().unwrap()?;
    /// assert_eq!(last.element().as_str()?, "objects");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn elements_in(&mut self, range: impl RangeBounds<u64>) -> Elements<'_> {
        Elements::new(self, range)
    }

    /// Tells what the element of this number is without reading its payload. For elements that are
    /// too large to be decoded.
    pub fn outline(&mut self, index: u64) -> Result<Option<Outline>> {
        match &mut self.elements {
            Payload::Objects(members) => Ok(members.outline(index)?.map(|(_, outline)| outline)),
            Payload::Rows(rows) => Ok((index < rows.len()).then(|| rows.outline())),
        }
    }

    /// The element of this number, owning what it holds: see [`get`](Self::get).
    pub fn get_owned(&mut self, index: u64) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(&self.context);
        let Some(element) = self.get(index)? else { return Ok(None) };
        Ok(Some(element.into_owned(context)))
    }

    /// The next element, owning what it holds.
    pub fn next_owned(&mut self) -> Result<Option<OwnedElement>> {
        let context = Arc::clone(&self.context);
        let Some(element) = self.next_element()? else { return Ok(None) };
        Ok(Some(element.into_owned(context)))
    }

    /// Does `map` to the elements from here on, on several threads, and `each`, on this one, to what
    /// that gives, in the order of the elements, until that breaks. 0 threads are as many as the
    /// machine runs at once.
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

    /// As [`map_parallel`](Self::map_parallel), with one result for some hundred elements: `new` is
    /// what there is before the first of them, `fold` adds an element, and `each` gets what came of
    /// them, in order.
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
        mut each: impl FnMut(A) -> ControlFlow<()>,
    ) -> Result<()> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let work = Work { new, fold };
        if let Payload::Objects(members) = &mut self.elements {
            let outcome = parallel::fold(members, threads, &work, &mut each);
            // Threads know closed batches alone. What is left of one comes one by one.
            if outcome.is_ok() || !(members.gives_unfinished() && members.batches.is_broken_off()) {
                return outcome;
            }
        }
        let Work { new, fold } = work;
        while let Some(element) = self.next_element()? {
            let mut result = new();
            fold(&mut result, element);
            if each(result).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Parts of the array, `count` of them or fewer, with about as many elements each, in order:
    /// for other processes or machines, which open them with
    /// [`Options::open_split`](crate::Options::open_split). What elements share with others before
    /// their part is found from there too.
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
        if let Payload::Objects(members) = &mut self.elements
            && self.index != IndexUse::Used
        {
            members.see_through()?;
        }
        let (file_size, known) = match &self.elements {
            Payload::Objects(members) => {
                (members.decoder.window.source().size()?, members.batches.checkpoints())
            }
            Payload::Rows(rows) => (rows.source().size()?, None),
        };
        let (len, parts) = (u128::from(self.len()), count as u128);
        let bounds = (0..=parts).map(|part| (len * part / parts.max(1)) as u64);
        let firsts = bounds.clone().zip(bounds.skip(1)).filter(|(first, end)| first < end);
        Ok(firsts.map(|(first, end)| Split::new(first, end - first, file_size, known)).collect())
    }

    /// Makes the elements of a part those that come one after another.
    pub(crate) fn enter(&mut self, split: &Split) -> Result<()> {
        let end = split.first().checked_add(split.len()).filter(|&end| end <= self.len());
        let (size, adopted) = match &mut self.elements {
            Payload::Objects(members) => (
                members.decoder.window.source().size()?,
                members.batches.adopt(split.checkpoints()),
            ),
            Payload::Rows(rows) => (rows.source().size()?, true),
        };
        let Some(end) = end.filter(|_| size == split.file_size() && adopted) else {
            let message = "the part is of another file";
            return Err(Error::usage("access.split", message));
        };
        match &mut self.elements {
            Payload::Objects(members) => members.set_end(end),
            Payload::Rows(rows) => rows.set_end(end),
        }
        self.seek(split.first());
        Ok(())
    }

    /// The number behind that of the last element which comes.
    pub(crate) fn end(&self) -> u64 {
        match &self.elements {
            Payload::Objects(members) => members.end().min(self.len()),
            Payload::Rows(rows) => rows.end(),
        }
    }

    /// Where the data end: bytes from the start of the file. An array of objects is surveyed for it.
    pub fn data_end(&mut self) -> Result<u64> {
        match &mut self.elements {
            Payload::Objects(members) => members.see_through(),
            Payload::Rows(rows) => Ok(rows.data_end()),
        }
    }

    /// Writes the index of the file beside it, as `FILE.idx`: with it, any element is found at once
    /// by whoever opens the file next. Returns where it is. An array without objects needs none.
    ///
    /// The array is surveyed to its end. The index says of which file it is: it is not used once that
    /// was changed.
    ///
    /// Fails as reading does, and where the array was not opened by its path.
    pub fn write_index(&mut self) -> Result<PathBuf> {
        let Some(file) = &self.file else {
            let message = "only a file that was opened by its path has an index";
            return Err(Error::usage("access.index", message));
        };
        let Payload::Objects(members) = &mut self.elements else {
            let message = "an array without objects needs no index";
            return Err(Error::usage("access.index", message));
        };
        members.write_index(file)
    }

    /// Whether the index of the file is used.
    pub fn index_use(&self) -> IndexUse {
        self.index
    }

    /// Its elements, where they are objects.
    pub(crate) fn members_mut(&mut self) -> Option<&mut Members> {
        match &mut self.elements {
            Payload::Objects(members) => Some(members),
            Payload::Rows(_) => None,
        }
    }

    /// Says where it was opened from.
    pub(crate) fn set_file(&mut self, file: &Path) {
        self.file = Some(file.to_owned());
    }

    /// Uses the index of the file, if there is one.
    pub(crate) fn find_index(&mut self) -> Result<()> {
        let (Some(file), Payload::Objects(members)) = (&self.file, &mut self.elements) else {
            return Ok(());
        };
        self.index = members.find_index(file)?;
        Ok(())
    }

    /// Uses an index that is read part by part, of what was not opened by its path.
    pub(crate) fn use_index(&mut self, index: Source) -> Result<()> {
        let Payload::Objects(members) = &mut self.elements else { return Ok(()) };
        self.index = match Index::open(index) {
            Ok(index) => {
                let elements = members.len();
                let is_of_file = index.is_of(&mut members.decoder.window, elements)?;
                if is_of_file && members.batches.use_index(index) {
                    IndexUse::Used
                } else {
                    IndexUse::Stale
                }
            }
            Err(error) if error.kind() == ErrorKind::Malformed => IndexUse::Damaged,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Bytes of memory that the reader holds: windows on the file, what was decoded last, what
    /// elements share, and checkpoints.
    pub fn memory(&self) -> usize {
        match &self.elements {
            Payload::Objects(members) => members.memory(),
            Payload::Rows(rows) => rows.memory(),
        }
    }
}

impl std::fmt::Debug for NpyArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NpyArray").field("header", &self.header).finish_non_exhaustive()
    }
}
