//! `npyo info`: the header, the shape, the writer and the first elements of a file.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use npy_object::header::Header;
use npy_object::nested::{self, At as Found, Node, Tree};
use npy_object::npz::Method;
use npy_object::{
    Contents, Element, ErrorKind, Format, Options, Outline, Provenance, ReadBudget, Source,
};
use serde::Serialize;

use crate::command::archive::Listing;
use crate::command::{Output, Run};
use crate::failure::{Failure, write_json};
use crate::input::{At, Input, Inputs, Names, Reading, Several};
use crate::opened::{LOOK, Opened};
use crate::show::{beginning, describe, describe_outline, dtype_as_json, python_tuple};
use crate::terminal::Colours;
use crate::tree::Lines;

/// Show the header, the shape, the writer, and the first elements
///
/// Of a dict, list or other container, the tree of `npyo tree` is shown, two levels deep.
///
/// Reads at most 16 MiB, however large the file is, in constant memory. Facts that need more, such as
/// the number of entries of a very large dict, are left out. Of an archive, the arrays are listed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Info {
    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    at: At,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    several: Several,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  npyo info data.npy
  npyo info arrays.npz            what is in the archive
  npyo info arrays.npz:train      one of its arrays
  npyo info --json data.npy | jq .shape";

/// Elements that are shown.
const FIRST: u64 = 5;
/// Levels of a container that are shown.
const DEPTH: usize = 2;
/// Entries of a dict that are shown.
const WIDTH: usize = 20;
/// Items of a list that are looked at.
const FEW: usize = 100;

/// The report on an array or pickle, in the order in which it is printed.
#[derive(Default, Serialize)]
struct Report {
    #[serde(flatten)]
    size: Size,
    /// The version of the preamble; `null` in a bare pickle.
    version: Option<[u8; 2]>,
    /// Where the data begin, in bytes from the start of the file.
    data_offset: u64,
    /// The dtype as typed JSON; `null` where the pickle holds no array.
    dtype: Option<serde_json::Value>,
    fortran_order: Option<bool>,
    shape: Option<Vec<usize>>,
    /// The shape in the pickle, where it differs from the header and --trust-payload is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pickled_shape: Option<Vec<usize>>,
    /// Describes the object of a bare pickle, or the one element of an array without dimensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<String>,
    /// The number of elements of an array, or of members of a container; `null` where finding it needs
    /// more than 16 MiB.
    elements: Option<u64>,
    /// The protocol of the pickle; `null` where there is none.
    protocol: Option<u8>,
    /// The NumPy that wrote the pickle, judged by its first instructions.
    writer: Option<&'static str>,
    /// The number of arrays and pickles in the file; `null` where finding it needs more than 16 MiB.
    arrays: Option<u64>,
    first: Vec<Sample>,
    /// What is in a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Node>,
    /// Whether the tree is left out because it needs more than 16 MiB.
    #[serde(skip)]
    is_tree_far: bool,
    #[serde(skip)]
    header: Option<Header>,
    #[serde(skip)]
    provenance: Option<Provenance>,
}

/// The size of a file, as far as it is known without reading the file.
#[derive(Default, Serialize)]
struct Size {
    /// Bytes of the `.npy` file.
    size: Option<u64>,
    /// Bytes of the compressed file.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
}

impl Size {
    fn of(opened: &Opened<'_>) -> npy_object::Result<Size> {
        let known = opened.source.known_size();
        Ok(match opened.member()? {
            Some((archive, member)) => {
                let member = &archive.members()[member];
                let compression = (member.method() == Method::Deflated).then_some("deflate");
                Size {
                    size: Some(member.size()),
                    compressed_size: compression.map(|_| member.compressed_size()),
                    compression,
                }
            }
            None if opened.format == Format::Gzip => {
                Size { size: None, compressed_size: known, compression: Some("gzip") }
            }
            None => Size { size: known, compressed_size: None, compression: None },
        })
    }

    /// Returns the size as text; `None` where nothing is known.
    fn text(&self) -> Option<String> {
        let bytes = |what: &str, size| format!("{size} bytes{what}");
        let compressed = self.compression.map(|by| format!(" compressed by {by}"));
        let compressed = compressed.and_then(|by| Some(bytes(&by, self.compressed_size?)));
        let parts: Vec<_> =
            self.size.map(|size| bytes("", size)).into_iter().chain(compressed).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// An element in short.
#[derive(Serialize)]
struct Sample {
    /// The beginning of the JSON of the key, for an entry of a dict.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    kind: String,
    /// The beginning of the JSON of the element.
    preview: String,
}

impl Run for Info {
    fn file(&self) -> &Path {
        self.inputs.first()
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        self.inputs.each(Names::beside(self.json), out, |input, out| self.run_on(input, out))
    }
}

impl Info {
    fn run_on(&self, input: &Input, out: &mut impl Write) -> Result<(), Failure> {
        let mut opened = input.open()?;
        if let Some(archive) = opened.whole_archive() {
            Listing::of(archive, &opened)?.write(self.json, out).map_err(Failure::Output)?;
            return Ok(opened.check_archive()?);
        }
        let (all, mut reports) = (self.several.all, 0);
        opened.each(all, |opened| {
            if reports > 0 && !self.json {
                writeln!(out)?;
            }
            reports += 1;
            self.report(opened, out)
        })?;
        if all {
            return Ok(());
        }
        // The next array of a pipe may be long in coming.
        out.flush()?;
        opened.note_rest(true)
    }

    /// Prints the report on an array or pickle.
    fn report(&self, opened: &Opened<'_>, out: &mut impl Write) -> Result<(), Failure> {
        let (source, budget) = opened.within_look(&opened.npy()?);
        let options = opened.options_for_look(&self.reading, LOOK);
        let mut report = Report::of(&options, &source)?;
        report.size = Size::of(opened)?;
        // The facts before an error are printed before the error.
        let looked = report.look_into(&options, &source, self.at.given(), &budget);
        let result = looked.or_else(|error| budget.excuse(error));
        budget.refill();
        // A stream may not end after the array.
        if !self.several.all && result.is_ok() && source.known_size().is_some() {
            report.count_arrays(&options, &source);
        }
        let result = result.and_then(|()| opened.check_archive());
        if self.json {
            write_json(out, &report)?;
        } else {
            report.write(out)?;
        }
        Ok(result?)
    }
}

impl Report {
    /// Reads the preamble.
    fn of(options: &Options, source: &Source) -> npy_object::Result<Report> {
        let header = options.header(source.clone())?;
        let data_offset = header.as_ref().map_or(0, |&(_, data_offset)| data_offset);
        let is_pickle = header.as_ref().is_none_or(|(header, _)| header.dtype.has_object());
        let provenance = match is_pickle {
            true => Provenance::read(source, data_offset)?,
            false => None,
        };
        let mut report = Report {
            data_offset,
            protocol: provenance.map(|provenance| provenance.protocol()),
            writer: provenance.and_then(|provenance| provenance.writer(header.is_some())),
            provenance,
            ..Report::default()
        };
        if let Some((header, _)) = header {
            report.version = Some([header.version.major(), 0]);
            report.set_header(header)?;
        }
        Ok(report)
    }

    fn set_header(&mut self, header: Header) -> npy_object::Result<()> {
        self.dtype = Some(dtype_as_json(&header)?);
        self.fortran_order = Some(header.fortran_order);
        self.shape = Some(header.shape.clone());
        self.header = Some(header);
        Ok(())
    }

    /// Adds the facts that need the file to be opened.
    fn look_into(
        &mut self,
        options: &Options,
        source: &Source,
        at: Option<&nested::Path>,
        budget: &ReadBudget,
    ) -> npy_object::Result<()> {
        let path = at.cloned().unwrap_or_default();
        let inside = || options.at(source, &path);
        let open = || if at.is_some() { Ok(inside()?.into()) } else { options.contents(source) };
        let mut contents = match open() {
            // The envelope of a container is small.
            Err(error) if is_too_large(&error) => match inside() {
                Err(error) if is_too_large(&error) => {
                    let outline = options.outline(source)?;
                    self.holds = Some(describe_outline(&outline));
                    return Ok(());
                }
                at => at?.into(),
            },
            contents => contents?,
        };
        if let Contents::Array(array) = &contents {
            if self.header.is_none() {
                self.set_header(array.to_header())?;
            }
            let is_other = self.shape.as_deref().is_some_and(|shape| shape != array.shape());
            self.pickled_shape = is_other.then(|| array.shape().to_vec());
            self.elements = Some(array.len());
            if array.has_objects()
                && array.shape().is_empty()
                && let Ok(Found::Container(container)) = inside()
            {
                contents = Contents::Container(container);
            }
        }
        let mut is_countable = false;
        match &contents {
            Contents::Container(container) => {
                // Members are counted if opening the container has not spent the budget.
                is_countable = !budget.refill();
                self.holds = Some(container.kind().name().to_owned());
            }
            Contents::Value(value) => {
                self.holds = Some(describe(&value.element().kind()));
                self.elements = Some(1);
            }
            _ => {}
        }
        self.is_tree_far = matches!(contents, Contents::Container(_));
        self.look_at_first(&mut contents)?;
        let Contents::Container(container) = &mut contents else { return Ok(()) };
        if is_countable {
            match container.count() {
                Ok(count) => {
                    self.holds = Some(match container.shape() {
                        Some(shape) => format!("array of objects {}", python_tuple(shape)),
                        None => format!("{} of {count}", container.kind().name()),
                    });
                    self.elements.get_or_insert(count);
                }
                Err(error) => budget.excuse(error)?,
            }
        }
        budget.refill();
        let tree = Tree::new().options(options.clone()).depth(DEPTH).width(WIDTH);
        let tree = tree.sample(FEW).read_at(source, &path)?;
        self.is_tree_far = budget.is_spent();
        self.tree = Some(tree).filter(|_| !self.is_tree_far);
        Ok(())
    }

    /// Adds the first elements or members.
    fn look_at_first(&mut self, contents: &mut Contents) -> npy_object::Result<()> {
        for number in 0..FIRST {
            let sample = match contents.get(number) {
                Ok(Some(member)) => Sample::of(member.key, member.value),
                Ok(None) => break,
                Err(error) if is_too_large(&error) => match contents.outline(number)? {
                    Some((key, outline)) => Sample::of_outline(key, &outline),
                    None => break,
                },
                Err(error) => return Err(error),
            };
            self.first.push(sample);
        }
        Ok(())
    }

    /// Counts the arrays and pickles that follow one another in the file.
    fn count_arrays(&mut self, options: &Options, source: &Source) {
        let counted = options.sections(source).and_then(|mut sections| {
            sections.try_fold(0, |count, section| section.map(|_| count + 1))
        });
        self.arrays = counted.ok();
    }

    /// Writes the report as text.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(size) = self.size.text() {
            writeln!(out, "size      {size}")?;
        }
        match (&self.header, self.version) {
            (Some(header), Some(_)) => {
                let (version, offset) = (header.version, self.data_offset);
                writeln!(out, "format    version {version}, data at byte {offset}")?;
            }
            _ => writeln!(out, "format    pickle, without a header")?,
        }
        if let Some(header) = &self.header {
            writeln!(out, "dtype     {}", header.dtype)?;
            let order = if header.fortran_order { "Fortran" } else { "C" };
            writeln!(out, "order     {order}")?;
            write!(out, "shape     {}", python_tuple(&header.shape))?;
            match &self.pickled_shape {
                Some(shape) => {
                    writeln!(out, " in the header, {} in the pickle", python_tuple(shape))?;
                }
                None => writeln!(out)?,
            }
        }
        if let Some(holds) = &self.holds {
            writeln!(out, "holds     {holds}")?;
        }
        if let Some(elements) = self.elements {
            writeln!(out, "elements  {elements}")?;
        }
        if let Some(arrays) = self.arrays.filter(|&arrays| arrays > 1) {
            writeln!(out, "arrays    {arrays}, of which this is one")?;
        }
        if let Some(provenance) = self.provenance {
            writeln!(out, "pickle    protocol {}", provenance.protocol())?;
            if let Some(writer) = self.writer {
                writeln!(out, "writer    {writer} (judging by {provenance})")?;
            }
        }
        if self.is_tree_far {
            writeln!(out, "tree      over 16 MiB would be read: npyo tree shows it")?;
        }
        if let Some(tree) = &self.tree {
            return Lines { out, colours: Colours::of_stdout() }.write("", tree);
        }
        for (number, Sample { key, kind, preview }) in self.first.iter().enumerate() {
            let key = key.as_ref().map_or(String::new(), |key| format!("{key}: "));
            writeln!(out, "{number:>8}  {key}{kind}: {preview}")?;
        }
        Ok(())
    }
}

impl Sample {
    fn of(key: Option<Element<'_>>, element: Element<'_>) -> Sample {
        Sample {
            key: key.map(beginning),
            kind: describe(&element.kind()),
            preview: beginning(element),
        }
    }

    /// Describes an element that is too large to be decoded here.
    fn of_outline(key: Option<Element<'_>>, outline: &Outline) -> Sample {
        let preview = format!("… {} bytes", outline.bytes);
        Sample { key: key.map(beginning), kind: describe_outline(outline), preview }
    }
}

/// Returns whether a value exceeds a limit of [`Opened::options_for_look`].
fn is_too_large(error: &npy_object::Error) -> bool {
    error.kind() == ErrorKind::Limit
}
