//! The requests of the page. Each answer has a bound on its bytes, whatever the file is.

use std::io::{self, Write};
use std::sync::Arc;

use npy_object::json::PlainJson;
use npy_object::nested::Tree;
use npy_object::{Contents, Element, ErrorKind, Kind};
use serde::Serialize;

use super::answer::{Answer, Problem, to_json};
use super::files::{Entry, Files};
use super::instructions;
use super::numbers::Numbers;
use super::place::Place;
use super::plots::{self, Channels};
use super::query::Query;
use super::reports::{Reports, Sort};
use super::rows::{self, Row};
use super::search::{Wanted, search};
use super::summary::{Progress, Summary};
use super::tree;
use crate::failure::Failure;
use crate::show::beginning;
use crate::terminal::Colours;
use crate::tree::Lines;

/// Bytes of text that are sent at once.
const TEXT: usize = 64 << 10;

/// Levels, and entries of a level, of the schema.
const LEVELS: usize = 6;
const ENTRIES: usize = 50;

/// What the requests are about.
pub(super) struct Routes {
    files: Files,
    reports: Reports,
}

/// Elements of a list, and how far they are found.
#[derive(Serialize)]
struct Rows {
    rows: Vec<Row>,
    #[serde(flatten)]
    progress: Progress,
}

/// An element, or a value inside one.
#[derive(Serialize)]
struct Detail {
    /// Where its instructions or bytes begin and end, where it is an element.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<[u64; 2]>,
    /// The dtype and shape of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<Shape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<tree::Branch>,
    /// Why there is no tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Serialize)]
struct Shape {
    dtype: String,
    shape: Vec<usize>,
    /// Whether the last axis is that of colours.
    is_image: bool,
}

/// A part of the text of an element.
#[derive(Serialize)]
struct Text {
    text: String,
    /// Where the text goes on; `None` at its end.
    next: Option<u64>,
}

/// The files, and the address of the list's first one.
#[derive(Serialize)]
struct Listing<'a> {
    files: &'a [Entry],
}

/// An element of a request: its number, or the whole of an array without objects.
enum Chosen {
    Number(u64),
    All,
}

impl Routes {
    pub(super) fn new(files: Files) -> Routes {
        Routes { files, reports: Reports::default() }
    }

    /// Answers the request with the path and the parameters in `url`.
    pub(super) fn answer(&self, url: &str) -> Answer {
        let (path, query) = Query::split(url);
        let json = match path {
            "api/files" => Ok(to_json(&Listing { files: self.files.entries() })),
            "api/file" => self.file(&query),
            "api/schema" => self.schema(&query),
            "api/rows" => self.rows(&query),
            "api/search" => self.search(&query),
            "api/element" => self.element(&query),
            "api/text" => self.text(&query),
            "api/line" => self.line(&query),
            "api/image" => self.image(&query),
            "api/histogram" => self.histogram(&query),
            "api/instructions" => self.instructions(&query),
            "api/audit" => self.report(Sort::Audit, &query),
            "api/statistics" => self.report(Sort::Statistics, &query),
            _ => {
                let body = "there is no such page\n".into();
                return Answer { status: 404, content_type: "text/plain", body };
            }
        };
        Answer::of(json)
    }

    /// Opens the place that a request names.
    fn place(&self, query: &Query<'_>) -> Result<Arc<Place>, Failure> {
        let number = query.number("file", 0)?;
        self.files.open(usize::try_from(number).unwrap_or(usize::MAX), &query.text("at")?)
    }

    fn file(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        Ok(to_json(&Summary::of(&*self.place(query)?)?))
    }

    fn schema(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let place = self.place(query)?;
        let tree = Tree::new().options(place.options.clone()).depth(LEVELS).width(ENTRIES);
        let root = tree.read_at(&place.source, &place.at.clone().unwrap_or_default())?;
        let mut window = Window::new(0);
        let written = Lines { out: &mut window, colours: Colours::none() }.write("", &root);
        Ok(to_json(&window.into_text(written)?))
    }

    fn rows(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let place = self.place(query)?;
        // Taken first, so that where it says that all elements are found, the rows have all of them.
        let progress = Progress::of(&place);
        let rows = rows::rows(&place, query.number("from", 0)?, query.number("count", 50)?)?;
        Ok(to_json(&Rows { rows, progress }))
    }

    fn search(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let place = self.place(query)?;
        let wanted = Wanted::new(query.text("kind")?, &query.text("text")?);
        let known = place.survey().known;
        // The list goes on while the search reads.
        let found = search(&mut place.reader(), &wanted, query.number("from", 0)?, known);
        Ok(to_json(&found))
    }

    fn element(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let (place, chosen) = (self.place(query)?, chosen(query)?);
        let (path, from) = (query.numbers("path")?, query.number("from", 0)? as usize);
        let numbers = numbers(&place, &chosen, &path)?;
        let shape = |numbers: &Numbers| Shape {
            dtype: npy_object::header::DType::Scalar(numbers.item()).to_string(),
            shape: numbers.shape().to_vec(),
            is_image: Channels::of("auto", numbers) == Channels::Last,
        };
        let mut detail = Detail {
            span: if path.is_empty() { span(&place, &chosen)? } else { None },
            numbers: numbers.as_ref().map(shape),
            tree: None,
            error: None,
        };
        if let Chosen::Number(number) = chosen {
            let branch = with_value(&place, number, &path, |key, value| {
                let label = key.map_or(format!("[{number}]"), beginning);
                Ok(tree::branch(label, value, from))
            });
            match branch {
                Ok(branch) => detail.tree = Some(branch),
                // Of an array that is too large to be decoded, the numbers are shown.
                Err(Failure::Input(error))
                    if error.kind() == ErrorKind::Limit && detail.numbers.is_some() => {}
                Err(failure) => detail.error = Some(Problem::of_failure(&failure)),
            }
        }
        Ok(to_json(&detail))
    }

    fn text(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let place = self.place(query)?;
        let Chosen::Number(number) = chosen(query)? else {
            return Err(Failure::Refused("expected one element".to_owned()));
        };
        let (path, from) = (query.numbers("path")?, query.number("from", 0)?);
        with_value(&place, number, &path, |_, value| Ok(to_json(&text(value, from)?)))
    }

    fn line(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let numbers = self.numbers(query)?;
        let last = numbers.shape().len().saturating_sub(1);
        let axis = query.number("axis", last as u64)? as usize;
        let range = (query.number("begin", 0)? as usize, query.number("end", u64::MAX)? as usize);
        let points = query.number("points", 500)? as usize;
        let line = plots::line(&numbers, axis.min(last), &query.numbers("fixed")?, range, points)?;
        Ok(to_json(&line))
    }

    fn image(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let numbers = self.numbers(query)?;
        let channels = Channels::of(&query.text("channels")?, &numbers);
        let image = plots::image(&numbers, channels, &query.numbers("fixed")?)?;
        image.map(|image| to_json(&image)).ok_or_else(no_numbers)
    }

    fn histogram(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        Ok(to_json(&plots::histogram(&self.numbers(query)?)?))
    }

    fn instructions(&self, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let place = self.place(query)?;
        let span = span(&place, &chosen(query)?)?;
        let [begin, end] = span.ok_or_else(|| Failure::Refused("it is not in the file".into()))?;
        let from = query.number("from", begin)?.clamp(begin, end);
        let is_pickled = place.with(|contents| match contents {
            Contents::Array(array) => array.has_objects(),
            _ => true,
        });
        let listing = match is_pickled {
            true => instructions::list(&place.source, from, end, self.files.limits()),
            false => instructions::dump(&place.source, from, end),
        };
        Ok(to_json(&listing))
    }

    fn report(&self, sort: Sort, query: &Query<'_>) -> Result<Vec<u8>, Failure> {
        let number = usize::try_from(query.number("file", 0)?).unwrap_or(usize::MAX);
        self.reports.get(sort, number, &self.files)
    }

    fn numbers(&self, query: &Query<'_>) -> Result<Numbers, Failure> {
        let place = self.place(query)?;
        numbers(&place, &chosen(query)?, &query.numbers("path")?)?.ok_or_else(no_numbers)
    }
}

fn no_numbers() -> Failure {
    Failure::Refused("expected an array of numbers".to_owned())
}

fn chosen(query: &Query<'_>) -> Result<Chosen, Failure> {
    match query.text("index")?.as_str() {
        "all" => Ok(Chosen::All),
        _ => Ok(Chosen::Number(query.number("index", 0)?)),
    }
}

/// Returns where an element begins and ends in the file; `None` of a single value.
fn span(place: &Place, chosen: &Chosen) -> Result<Option<[u64; 2]>, Failure> {
    match chosen {
        Chosen::Number(number) => {
            let outline = place.outline(*number)?;
            Ok(outline.map(|outline| [outline.begin, outline.begin + outline.bytes]))
        }
        Chosen::All => place.with(|contents| match contents {
            Contents::Array(array) => Ok(Some([array.data_offset(), array.data_end()?])),
            _ => Ok(None),
        }),
    }
}

/// Calls `read` with the key of an element, and the value at a path inside it.
fn with_value<T>(
    place: &Place,
    number: u64,
    path: &[usize],
    read: impl FnOnce(Option<Element<'_>>, Element<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    place.with(|contents| {
        let member = contents.get(number)?;
        let value = member.and_then(|member| tree::descend(member.value, path));
        match value {
            Some(value) => read(member.and_then(|member| member.key), value),
            None => Err(Failure::Refused(format!("there is no element {number}"))),
        }
    })
}

/// Returns the numbers of an element, or of a value inside it; `None` where it has none. Those of a
/// large array stay in the file.
fn numbers(place: &Place, chosen: &Chosen, path: &[usize]) -> Result<Option<Numbers>, Failure> {
    let number = match chosen {
        Chosen::All => {
            let header = place.with(|contents| match contents {
                Contents::Array(array) if !array.has_objects() => {
                    Some((array.to_header(), array.data_offset()))
                }
                _ => None,
            });
            let numbers = |(header, offset)| Numbers::of_rows(&place.source, &header, offset);
            return Ok(header.and_then(numbers));
        }
        Chosen::Number(number) => *number,
    };
    if path.is_empty()
        && let Some(range) = place.outline(number)?.and_then(|outline| outline.range)
    {
        return Ok(Numbers::in_file(&place.source, &range));
    }
    match with_value(place, number, path, |_, value| Ok(Numbers::of(value))) {
        // Its tree is shown without them.
        Err(Failure::Input(error)) if error.is_over_memory() => Ok(None),
        numbers => numbers,
    }
}

/// Returns the text of a value from a byte on: a str as it is, another value as JSON.
fn text(value: Element<'_>, from: u64) -> Result<Text, Failure> {
    let mut window = Window::new(from);
    let written = match value.kind() {
        Kind::Str(text) => window.write_all(text.to_string_lossy().as_bytes()),
        _ => PlainJson::new().write(&mut window, value),
    };
    window.into_text(written)
}

/// A writer that skips bytes, takes 64 KiB, and refuses more.
struct Window {
    /// Where the window begins.
    from: u64,
    /// Bytes that are still to be skipped.
    skip: u64,
    bytes: Vec<u8>,
    is_full: bool,
}

impl Window {
    fn new(from: u64) -> Window {
        Window { from, skip: from, bytes: Vec::new(), is_full: false }
    }

    /// Returns the text, whose writing ended like this.
    fn into_text(self, written: io::Result<()>) -> Result<Text, Failure> {
        match written {
            Err(error) if !self.is_full => return Err(error.into()),
            _ => {}
        }
        // A character may go on after the window.
        let text = self.bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid()).to_owned();
        let next = self.is_full.then_some(self.from + text.len() as u64);
        Ok(Text { next: next.filter(|_| !text.is_empty()), text })
    }
}

impl Write for Window {
    /// Returns 0, which is an error to `write_all`, once there is no more room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = self.skip.min(bytes.len() as u64) as usize;
        self.skip -= skipped as u64;
        let room = TEXT - self.bytes.len();
        let taken = (bytes.len() - skipped).min(room);
        self.bytes.extend_from_slice(&bytes[skipped..skipped + taken]);
        self.is_full |= skipped + taken < bytes.len();
        Ok(skipped + taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use npy_object::{Limits, Options};
    use serde_json::Value;

    use super::*;

    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../npy-object/tests/data");

    fn routes(names: &[&str]) -> Routes {
        let paths: Vec<PathBuf> = names.iter().map(|name| PathBuf::from(DATA).join(name)).collect();
        Routes::new(Files::find(&paths, Limits::default(), Options::new()))
    }

    fn json(routes: &Routes, url: &str) -> Value {
        let answer = routes.answer(url);
        assert_eq!(answer.status, 200, "{url}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Waits until the elements of a file are found.
    fn survey(routes: &Routes, place: &str) -> Value {
        loop {
            let rows = json(routes, &format!("api/rows?{place}&count=50"));
            if rows["done"] == true {
                return rows;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn files_and_members_of_archives_are_listed() {
        let listed = json(&routes(&["ragged.npy", "archive.npz"]), "api/files");
        let name =
            |file: &Value| file["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let names: Vec<_> = listed["files"].as_array().unwrap().iter().map(name).collect();
        assert_eq!(names[0], "ragged.npy");
        assert!(names.len() > 2 && names[1..].iter().all(|name| name.starts_with("archive.npz:")));
    }

    #[test]
    fn folder_is_searched_for_arrays() {
        let listed = json(&routes(&[""]), "api/files");
        let text = listed.to_string();
        assert!(text.contains("strings.npy.gz") && !text.contains("generate.py"), "{text}");
    }

    #[test]
    fn rows_have_index_kind_and_beginning() {
        let routes = routes(&["ragged.npy"]);
        let rows = survey(&routes, "file=0");
        assert_eq!((&rows["known"], &rows["total"]), (&3.into(), &3.into()));
        assert_eq!(rows["rows"][2]["kind"], "array <f8 (3,)");
        assert_eq!(rows["rows"][2]["preview"], "[0.0,1.0,2.0]");
        let part = json(&routes, "api/rows?file=0&from=2&count=9");
        assert_eq!(part["rows"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn element_is_sent_as_tree_text_line_and_instructions() {
        let routes = routes(&["ragged.npy"]);
        survey(&routes, "file=0");
        let element = json(&routes, "api/element?file=0&index=2");
        assert_eq!(element["numbers"]["shape"], serde_json::json!([3]));
        assert_eq!(element["tree"]["members"], 0);
        let text = json(&routes, "api/text?file=0&index=2");
        assert_eq!((&text["text"], &text["next"]), (&"[0.0,1.0,2.0]".into(), &Value::Null));
        let line = json(&routes, "api/line?file=0&index=2");
        assert_eq!(line["most"], serde_json::json!([0.0, 1.0, 2.0]));
        assert_eq!(json(&routes, "api/histogram?file=0&index=2")["count"], 3);
        let listing = json(&routes, "api/instructions?file=0&index=2");
        let lines = listing["lines"].as_array().unwrap();
        assert_eq!(lines.last().unwrap()["opcode"], "BUILD");
    }

    #[test]
    fn path_leads_into_a_nested_container() {
        let routes = routes(&["splits.npy"]);
        let rows = survey(&routes, "file=0");
        let open = rows["rows"][0]["open"].as_str().unwrap();
        assert_eq!(open, "['train']");
        let rows = survey(&routes, "file=0&at=%5B%27train%27%5D");
        assert_eq!(rows["rows"].as_array().unwrap().len(), 3);
        let branch = json(&routes, "api/element?file=0&index=0&path=1");
        assert_eq!(branch["tree"]["preview"], "4");
    }

    #[test]
    fn schema_is_the_tree_of_the_command() {
        let routes = routes(&["splits.npy"]);
        let schema = json(&routes, "api/schema?file=0");
        let text = schema["text"].as_str().unwrap();
        assert!(
            text.starts_with("dict of 2\n") && text.contains("'train': list[int] of 3"),
            "{text}"
        );
        let inner = json(&routes, "api/schema?file=0&at=.train");
        assert!(inner["text"].as_str().unwrap().starts_with("list[int] of 3"), "{inner}");
    }

    #[test]
    fn search_finds_text_and_kind() {
        let routes = routes(&["strings.npy"]);
        survey(&routes, "file=0");
        let found = json(&routes, "api/search?file=0&text=numpy");
        assert_eq!((&found["rows"][0]["index"], &found["next"]), (&1.into(), &3.into()));
        let found = json(&routes, "api/search?file=0&kind=array");
        assert_eq!(found["rows"].as_array().unwrap().len(), 0);
    }

    #[test]
    fn reports_are_made_in_the_background() {
        let routes = routes(&["ragged.npy"]);
        for (path, name, expected) in
            [("audit", "verdict", Value::from("inert")), ("statistics", "elements", 3.into())]
        {
            let report = loop {
                let report = json(&routes, &format!("api/{path}?file=0"));
                if report.get("running").is_none() {
                    break report;
                }
                std::thread::yield_now();
            };
            assert_eq!(report["report"][name], expected, "{report}");
        }
    }

    #[test]
    fn wrong_requests_are_refused() {
        let routes = routes(&["ragged.npy", "generate.py"]);
        for url in [
            "api/rows?file=7",
            "api/rows?file=-1",
            "api/file?file=1",
            "api/element?file=0&index=9",
            "api/element?file=0&index=2&path=0",
            "api/image?file=0&index=2",
            "api/line?file=0&index=all",
            "api/text?file=0&index=all",
            "api/rows?file=0&at=%5Bx%5D",
        ] {
            let answer = routes.answer(url);
            let body = String::from_utf8(answer.body).unwrap();
            let is_refused = answer.status == 422 || body.contains("\"error\":{");
            assert!(is_refused, "{url}: {} {body}", answer.status);
        }
        assert_eq!(routes.answer("api/../main.js").status, 404);
    }

    #[test]
    fn long_text_is_sent_in_parts_between_characters() {
        let mut window = Window::new(3);
        let long = "é".repeat(TEXT);
        assert!(window.write_all(b"abc").is_ok());
        assert!(window.write_all(long.as_bytes()).is_err());
        assert!(window.is_full && window.bytes.len() == TEXT);
        let text = window.into_text(Ok(())).unwrap();
        assert_eq!((text.text.len(), text.next), (TEXT, Some(3 + TEXT as u64)));
    }
}
