//! The ways into a file, all of them methods of [`Options`].

use std::ops::Range;
use std::sync::Arc;

use npy_header::Header;
use pickle_stream::{Action, Lexer, Progress, Span};

use crate::array::contents::{AllContents, Contents, Sections};
use crate::array::npy_array::NpyArray;
use crate::decode::cursor::Cursor;
use crate::decode::decoder::Decoder;
use crate::decode::objects::Objects;
use crate::decode::opened::{Data, Opened, Pickle};
use crate::decode::outline::Outline;
use crate::decode::rows::Rows;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::layout::envelope::Envelope;
use crate::layout::preamble::Preamble;
use crate::locate::batches::Batches;
use crate::locate::checkpoints::Route;
use crate::locate::split::Split;
use crate::nested::at::{At, instructions_at};
use crate::nested::path::Path;
use crate::options::{Limits, Options};
use crate::source::Source;
use crate::source::window::Window;
use crate::value::context::Context;
use crate::value::owned::OwnedElement;

/// Every method takes a path, a [`File`](std::fs::File), bytes (`Vec<u8>`, `&'static [u8]`), or a
/// [`Source`].
impl Options {
    /// Opens an array, and uses its index if the source was opened by its path and there is one:
    /// see [`NpyArray::write_index`].
    ///
    /// Fails where the source cannot be read, where its preamble or the envelope of its pickle
    /// break the format, and where the two disagree.
    pub fn open(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<NpyArray> {
        source.try_into().map_err(Into::into)?.explained(|source| {
            let opened = Opened::new(source, self)?;
            match array(opened, self)? {
                Ok(array) => Ok(array),
                Err(Opened { data: Data::Pickle(pickle), .. }) => {
                    Err(pickle.reader.no_array(self.limits.envelope))
                }
                Err(Opened { data: Data::Rows(_), .. }) => unreachable!("rows are an array"),
            }
        })
    }

    /// Opens a part of an array: see [`NpyArray::splits`]. A loop gives the elements of the part;
    /// their numbers, and the length and shape, are those of the whole array.
    ///
    /// Fails as [`open`](Self::open) does, and with clause `access.split` where the file is not the
    /// one that was split.
    pub fn open_split(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
        split: &Split,
    ) -> Result<NpyArray> {
        let mut array = self.clone().index(false).open(source)?;
        array.enter(split)?;
        Ok(array)
    }

    /// Opens an array whose index is another source, of which only what is needed is read: see
    /// [`Fetched`](crate::Fetched). [`NpyArray::index_use`] says whether it is used.
    ///
    /// An index has the time at which its file was written, but a source has none. So the index is
    /// compared with the length and the first bytes of the source, and with each run of elements
    /// that is found by it: one of another file is an error there, `index.fresh`.
    pub fn open_with_index(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
        index: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<NpyArray> {
        let mut array = self.clone().index(false).open(source)?;
        array.use_index(index)?;
        Ok(array)
    }

    /// Follows a path into nested containers: see [`at`](crate::at).
    pub fn at(&self, source: impl TryInto<Source, Error: Into<Error>>, path: &Path) -> Result<At> {
        source
            .try_into()
            .map_err(Into::into)?
            .explained(|source| At::find(Opened::new(source, self)?, path, self))
    }

    /// Returns where the instructions of the value at a path are: bytes from the start of the file.
    /// `None` where the path is empty, and for a row of an array without objects.
    ///
    /// Fails as [`at`](Self::at) does. The value is not decoded.
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let range = Options::new().instructions_at("tests/data/splits.npy", &".test[0]".parse()?)?;
    /// let range = range.expect("a pickled value");
    /// let file = std::fs::read("tests/data/splits.npy")?;
    /// assert_eq!(file[range.start as usize..range.end as usize], *b"K\x06"); // BININT1 6
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn instructions_at(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
        path: &Path,
    ) -> Result<Option<Range<u64>>> {
        source
            .try_into()
            .map_err(Into::into)?
            .explained(|source| instructions_at(Opened::new(source, self)?, path, self))
    }

    /// Opens an array, a container or a single value, whichever the source holds, and uses its
    /// index as [`open`](Self::open) does. A pickle after a header with `|O` may hold another value
    /// than an array of objects: it is returned as it is, as by NumPy.
    ///
    /// ```
    /// use npy_object::{Contents, Options, Source};
    ///
    /// let pickle = b"\x80\x04]\x94(K\x01K\x02e."; // pickle.dumps([1, 2])
    /// let Contents::Container(mut list) = Options::new().contents(Source::bytes(pickle))? else {
    ///     panic!("a list is a container")
    /// };
    /// assert_eq!(list.count()?, 2);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn contents(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Contents> {
        source
            .try_into()
            .map_err(Into::into)?
            .explained(|source| contents(Opened::new(source, self)?, self))
    }

    /// Does what [`contents`](Self::contents) does, but opens the element of an array of objects
    /// without dimensions, not the array. `numpy.save` makes such an array of a dict.
    ///
    /// ```
    /// use npy_object::{Contents, Options};
    ///
    /// let Contents::Container(dict) = Options::new().members("tests/data/splits.npy")? else {
    ///     panic!("its element is a dict")
    /// };
    /// assert_eq!(dict.kind().name(), "dict");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn members(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Contents> {
        source.try_into().map_err(Into::into)?.explained(|source| {
            let opened = Opened::new(source, self)?;
            match opened.has_one_object() {
                true => At::find(opened, &Path::default(), self).map(Contents::from),
                false => contents(opened, self),
            }
        })
    }

    /// Returns an iterator of the arrays and pickles that follow one another in a file, as several
    /// calls of `numpy.save` or `pickle.dump` on one open file leave them. `numpy.load` reads the
    /// first.
    ///
    /// ```
    /// use npy_object::{Contents, Options};
    ///
    /// let files = [&std::fs::read("tests/data/strings.npy")?[..], b"\x80\x04K\x05."];
    /// let all: Vec<_> = Options::new().all_contents(files.concat())?.collect::<Result<_, _>>()?;
    /// assert!(matches!(all[..], [Contents::Array(_), Contents::Value(_)]));
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn all_contents(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<AllContents> {
        self.sections(source).map(AllContents::new)
    }

    /// Returns an iterator of the sections of a source: one from the first byte of each array or
    /// pickle on. Surveys a section to its end to find the next one, and decodes nothing.
    ///
    /// Fails on bytes after the last array or pickle that begin neither of them.
    ///
    /// ```
    /// use npy_object::Options;
    ///
    /// let files = [std::fs::read("tests/data/strings.npy")?, std::fs::read("tests/data/ragged.npy")?];
    /// let (options, mut lengths) = (Options::new(), Vec::new());
    /// for section in options.sections(files.concat())? {
    ///     lengths.push(options.open(section?)?.len());
    /// }
    /// assert_eq!(lengths, [3, 3]);
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn sections(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Sections> {
        Ok(Sections::new(self.clone(), source.try_into().map_err(Into::into)?))
    }

    /// Reads a preamble and nothing else: the header, and where the data begin; `None` in a bare
    /// pickle, which has none. Unlike [`open`](Self::open) this does not ask whether there are
    /// data.
    pub fn header(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<Option<(Header, u64)>> {
        source.try_into().map_err(Into::into)?.explained(|source| {
            let (_, Preamble { header, data }) = Preamble::open(source, self)?;
            Ok(header.map(|header| (header, data)))
        })
    }

    /// Returns where the array or pickle at the start of a source ends: bytes from its start,
    /// unpacked. Nothing is decoded and payloads are stepped over, in constant memory.
    ///
    /// Nothing past the end is read if [`read_size`](Self::read_size) is 0.
    pub fn end_of(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<u64> {
        source.try_into().map_err(Into::into)?.explained(|source| {
            let (mut window, preamble) = Preamble::open(source, self)?;
            match preamble.header_of_rows() {
                Some(header) => {
                    let rows = Rows::open(window, Context::new(self), preamble.data, header)?;
                    Ok(rows.data_end())
                }
                None => pickle_end(&mut window, preamble.data, &self.limits),
            }
        })
    }

    /// Returns the outline of the object of a pickle, without reading its payload. For an object
    /// that is too large to be decoded.
    ///
    /// Fails with clause `access.type` where nothing is pickled: in an array without objects.
    pub fn outline(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<Outline> {
        let source = source.try_into().map_err(Into::into)?;
        let (mut window, preamble) = Preamble::open(source, self)?;
        let begin = preamble.pickle()?;
        let end = pickle_end(&mut window, begin, &self.limits)?;
        let mut decoder = Decoder::new(window, Context::new(self));
        decoder.outline(Span { begin, end: end - 1, memo: 0 }, &Route::default())
    }

    /// Reads the object that is pickled in a file, all of it at once: of an array of objects the
    /// array itself, with its class, its mask, and its elements in
    /// [`Data::Items`](crate::Data::Items).
    ///
    /// Takes memory for the whole object, as `numpy.load` does. An object that two elements share
    /// is one value, and elements that change one another have their final values.
    ///
    /// Fails as decoding does, and with clause `access.type` where nothing is pickled: in an array
    /// without objects.
    ///
    /// ```
    /// use npy_object::{Data, Kind, Options};
    ///
    /// let whole = Options::new().load("tests/data/strings.npy")?;
    /// let Kind::Array(array) = whole.element().kind() else { panic!("NumPy saved an array") };
    /// let Data::Items(mut items) = array.data().clone() else { panic!("of objects") };
    /// assert_eq!(items.nth(1).unwrap().as_str()?, "NumPy");
    /// # Ok::<(), npy_object::Error>(())
    /// ```
    pub fn load(&self, source: impl TryInto<Source, Error: Into<Error>>) -> Result<OwnedElement> {
        self.load_to_end(source).map(|(whole, _)| whole)
    }

    /// Does what [`load`](Self::load) does, and also returns the offset of the end of the pickle:
    /// bytes from the start of the file.
    pub fn load_to_end(
        &self,
        source: impl TryInto<Source, Error: Into<Error>>,
    ) -> Result<(OwnedElement, u64)> {
        source.try_into().map_err(Into::into)?.explained(|source| {
            let (window, preamble) = Preamble::open(source, self)?;
            let begin = preamble.pickle()?;
            let mut decoder = Decoder::new(window, Context::new(self));
            let decoded = decoder.decode_all(begin)?;
            decoder.window.source().verify_to(decoded.end())?;
            let context = Arc::clone(&decoder.context);
            let whole = decoder.element(decoded, decoded.first).into_owned(context);
            Ok((whole, decoded.end()))
        })
    }
}

/// Opens the array, container or value that a file holds.
fn contents(opened: Opened, options: &Options) -> Result<Contents> {
    match array(opened, options)? {
        Ok(array) => Ok(Contents::Array(array)),
        Err(opened) => At::find(opened, &Path::default(), options).map(Contents::from),
    }
}

/// Opens the array that a file holds; gives the file back where it holds something else.
fn array(opened: Opened, options: &Options) -> Result<Result<NpyArray, Opened>> {
    let Opened { preamble, data } = opened;
    let (pickle, envelope) = match data {
        Data::Rows(rows) => {
            let layout = Layout::of_rows(preamble);
            return Ok(Ok(NpyArray::new(layout, Cursor::of_rows(rows))));
        }
        Data::Pickle(Pickle { decoder, reader, first }) => match first? {
            Some(envelope) if envelope.array().is_some() => {
                (Pickle { decoder, reader, first: Ok(None) }, envelope)
            }
            first => {
                let data = Data::Pickle(Pickle { decoder, reader, first: Ok(first) });
                return Ok(Err(Opened { preamble, data }));
            }
        },
    };
    array_of_objects(preamble, pickle, Arc::new(envelope), options).map(Ok)
}

fn array_of_objects(
    preamble: Preamble,
    pickle: Pickle,
    envelope: Arc<Envelope>,
    options: &Options,
) -> Result<NpyArray> {
    let Pickle { mut decoder, reader, .. } = pickle;
    let state = envelope.array().expect("the envelope of an array");
    if !options.trust_payload {
        preamble.check_agreement(state)?;
    }
    let layout = Layout::of_objects(preamble, state);
    reader.enter(&envelope, &mut decoder);
    decoder.set_item(Some(state.item.clone()));
    let limits = &decoder.context.limits.pickle;
    let batches = Batches::new(&envelope, None, Route::default(), limits)?;
    let mut cursor = Cursor::of_objects(Objects::new(decoder, batches, options.unfinished));
    if options.index {
        cursor.find_index()?;
    }
    Ok(NpyArray::new(layout, cursor))
}

/// Bytes of a pickle frame that are read at once.
const MOST_READ_OF_FRAME: u64 = 1 << 20;

/// Walks through the pickle at `offset`, and returns where it ends.
fn pickle_end(window: &mut Window, offset: u64, limits: &Limits) -> Result<u64> {
    let mut lexer = Lexer::new(offset, &limits.pickle);
    let mut needed = 1;
    loop {
        let here = lexer.offset();
        window.set_anchor(here);
        let bytes = window.fill(here, needed)?;
        let seen = here + bytes.len() as u64;
        let head = match lexer.pass(bytes)? {
            Progress::Done(head) => head,
            Progress::Need(more) => {
                needed = window.needed(seen, lexer.offset(), more)?;
                continue;
            }
        };
        if head.action() == Action::Stop {
            return Ok(lexer.offset());
        }
        // All of a frame belongs to the pickle: it need not be read instruction by instruction.
        needed = match head.frame() {
            Some(size @ 1..=MOST_READ_OF_FRAME) => size as usize,
            _ => 1,
        };
        if lexer.offset() > seen {
            let payload = head.payload;
            window.step_over(payload);
        }
    }
}
