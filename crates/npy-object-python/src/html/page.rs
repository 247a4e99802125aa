//! [`Page`]: the HTML of one object.

use std::fmt::{Display, Write};

use npy_object::nested::{Member, Node, Path, Tree};
use npy_object::{Contents, ErrorKind, Kind, Options, OutlineKind, Shape, Source};

use crate::html::plot::plot;

/// Bytes that are read for a page.
pub(crate) const READ: u64 = 16 << 20;
/// Bytes of an element that is decoded for a page.
pub(crate) const ELEMENT: usize = 1 << 20;
/// Rows of a table.
pub(crate) const ROWS: usize = 6;
/// Levels of a tree, and entries and items of a node.
const DEPTH: usize = 4;
const WIDTH: usize = 20;
const SAMPLE: usize = 100;
/// Levels of a tree that are open at first.
const OPEN: usize = 2;
/// Characters of a text from the file.
const TEXT: usize = 120;
/// Nodes of a tree.
const NODES: usize = 300;

/// Jupyter sets the first colour of each pair. Elsewhere, the second follows the system.
const STYLE: &str = "<style>\
.npyo{--npyo-text:var(--jp-content-font-color1,#1f2328);--npyo-dim:var(--jp-content-font-color2,#59636e);\
--npyo-rule:var(--jp-border-color2,#d1d9e0);--npyo-blue:var(--jp-info-color0,#0550ae);\
--npyo-red:var(--jp-error-color1,#cf222e);--npyo-green:var(--jp-success-color1,#1a7f37);\
color:var(--npyo-text);font-size:13px;line-height:1.5;max-width:100%;overflow-x:auto}\
@media(prefers-color-scheme:dark){.npyo{--npyo-text:var(--jp-content-font-color1,#e6edf3);\
--npyo-dim:var(--jp-content-font-color2,#9198a1);--npyo-rule:var(--jp-border-color2,#3d444d);\
--npyo-blue:var(--jp-info-color0,#79c0ff);--npyo-red:var(--jp-error-color1,#ff7b72);\
--npyo-green:var(--jp-success-color1,#7ee787)}}\
.npyo code{font-family:var(--jp-code-font-family,ui-monospace,monospace);color:inherit;background:none;\
font-size:inherit;padding:0}\
.npyo table{border-collapse:collapse;margin:6px 0;font-size:inherit}\
.npyo td{white-space:nowrap}.npyo td:last-child{white-space:normal}\
.npyo th{color:var(--npyo-dim);font-weight:normal}\
.npyo th,.npyo td{text-align:left;padding:2px 12px 2px 0;border:0;border-bottom:1px solid var(--npyo-rule);\
vertical-align:middle;background:none}\
.npyo ul{list-style:none;margin:0;padding-left:18px}.npyo>ul{padding-left:0}\
.npyo summary{cursor:pointer}.npyo-kind{color:var(--npyo-blue)}.npyo-dim{color:var(--npyo-dim)}\
.npyo-bad{color:var(--npyo-red)}.npyo-good{color:var(--npyo-green)}\
.npyo-line{fill:none;stroke:var(--npyo-blue);stroke-width:1.2}.npyo svg{display:block}</style>";

/// The HTML of one object.
pub(crate) struct Page {
    html: String,
    /// Nodes of trees that may still be shown.
    nodes: usize,
}

impl Page {
    /// Begins a page with the name of a class and a line of facts.
    pub(crate) fn new(class: &str, facts: &str) -> Page {
        let mut html = format!("<div class=\"npyo\">{STYLE}<div><b>{class}</b> ");
        let _ = write!(html, "<span class=\"npyo-dim\">{}</span></div>", escape(facts));
        Page { html, nodes: NODES }
    }

    /// Ends the page.
    pub(crate) fn finish(mut self) -> String {
        self.html.push_str("</div>");
        self.html
    }

    /// Adds a line of text.
    pub(crate) fn line(&mut self, class: &str, text: &str) {
        let _ = write!(self.html, "<div class=\"{class}\">{}</div>", escape(text));
    }

    /// Adds an error.
    pub(crate) fn error(&mut self, error: impl Display) {
        self.line("npyo-bad", &error.to_string());
    }

    /// Adds a table of texts.
    pub(crate) fn table<const N: usize>(&mut self, titles: [&str; N], rows: &[[String; N]]) {
        let cells = rows.iter().map(|row| row.each_ref().map(|cell| escape(cell)));
        self.raw_table(titles, cells);
    }

    /// Adds a table of cells that are HTML.
    fn raw_table<const N: usize>(
        &mut self,
        titles: [&str; N],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        self.html.push_str("<table><thead><tr>");
        for title in titles {
            let _ = write!(self.html, "<th>{title}</th>");
        }
        self.html.push_str("</tr></thead><tbody>");
        for row in rows {
            self.html.push_str("<tr>");
            for cell in row {
                let _ = write!(self.html, "<td>{cell}</td>");
            }
            self.html.push_str("</tr>");
        }
        self.html.push_str("</tbody></table>");
    }

    /// Adds the tree of the value at a path.
    pub(crate) fn tree_of(&mut self, options: &Options, source: &Source, path: &Path) {
        let tree = Tree::new().options(options.clone()).depth(DEPTH).width(WIDTH).sample(SAMPLE);
        match tree.read_at(source.clone(), path) {
            Ok(root) => self.tree(&root),
            Err(error) => self.error(error.without_file()),
        }
    }

    fn tree(&mut self, root: &Node) {
        self.html.push_str("<ul>");
        self.node("", root, 0);
        self.html.push_str("</ul>");
    }

    /// Adds a node and those inside it. Recurses as deep as the tree, which is at most [`DEPTH`].
    fn node(&mut self, key: &str, node: &Node, depth: usize) {
        self.html.push_str("<li>");
        let items = node.nested_items();
        let has_inside =
            items.is_some() || !node.entries.is_empty() || node.more > 0 || node.error.is_some();
        let mut line = String::new();
        if !key.is_empty() {
            let _ = write!(line, "<code>{}</code> ", escape(key));
        }
        let _ = write!(line, "<span class=\"npyo-kind\">{}</span>", escape(&node.to_string()));
        if let Some(value) = &node.value {
            let _ = write!(line, " <code>{}</code>", escape(value));
        }
        if !has_inside {
            let _ = write!(self.html, "{line}</li>");
            return;
        }
        let open = if depth < OPEN { " open" } else { "" };
        let _ = write!(self.html, "<details{open}><summary>{line}</summary><ul>");
        let mut more = node.more;
        for entry in &node.entries {
            if self.nodes == 0 {
                more += 1;
                continue;
            }
            self.nodes -= 1;
            self.node(&entry.key.to_string(), &entry.node, depth + 1);
        }
        if let Some(items) = items {
            let key = match (items.count, node.all_items()) {
                (count, all) if count < all => format!("first {count} of {all}"),
                (count, _) => format!("{count} ×"),
            };
            self.node(&key, items, depth + 1);
        }
        if more > 0 {
            let _ = write!(self.html, "<li class=\"npyo-dim\">… {more} more</li>");
        }
        if let Some(error) = &node.error {
            let error = escape(&error.clone().without_file().to_string());
            let _ = write!(self.html, "<li class=\"npyo-bad\">{error}</li>");
        }
        self.html.push_str("</ul></details></li>");
    }

    /// Adds a table of elements, by the label and the number of each, and the error that ends it.
    pub(crate) fn elements(
        &mut self,
        contents: &mut Contents,
        numbers: impl Iterator<Item = (String, u64)>,
    ) {
        let (mut rows, mut ended) = (Vec::new(), None);
        for (label, number) in numbers {
            match row(contents, label, number) {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => break,
                Err(error) => {
                    ended = Some(error);
                    break;
                }
            }
        }
        if !rows.is_empty() {
            self.raw_table(["", "type", "dtype", "shape", "", "value"], rows.into_iter());
        }
        if let Some(error) = ended {
            self.error(error.without_file());
        }
    }
}

/// Returns the cells of an element, as HTML.
fn row(
    contents: &mut Contents,
    label: String,
    number: u64,
) -> npy_object::Result<Option<[String; 6]>> {
    let cells = match contents.get(number) {
        Ok(Some(member)) => cells(&label, &member),
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::Limit => match contents.outline(number)? {
            Some((_, outline)) => {
                let (kind, dtype, shape) = match &outline.kind {
                    OutlineKind::Array { item, shape } => {
                        ("array", item.to_string(), Shape::from(&shape[..]).to_string())
                    }
                    OutlineKind::Container(kind) => (kind.name(), String::new(), String::new()),
                    OutlineKind::Str => ("str", String::new(), String::new()),
                    OutlineKind::Bytes => ("bytes", String::new(), String::new()),
                    _ => ("value", String::new(), String::new()),
                };
                let value = format!("{} bytes", outline.bytes);
                [label, kind.to_owned(), dtype, shape, String::new(), value]
                    .map(|text| escape(&text))
            }
            None => return Ok(None),
        },
        Err(error) => return Err(error),
    };
    Ok(Some(cells))
}

fn cells(label: &str, member: &Member<'_>) -> [String; 6] {
    let label = match member.key {
        Some(key) => format!("{key:?}"),
        None => label.to_owned(),
    };
    let kind = member.value.kind();
    let (dtype, shape) = match &kind {
        Kind::Array(array) => (array.item().to_string(), Shape::from(array.shape()).to_string()),
        Kind::Scalar(scalar) => (scalar.dtype().to_string(), String::new()),
        Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) => {
            (String::new(), items.len().to_string())
        }
        Kind::Dict(entries) | Kind::OrderedDict(entries) => {
            (String::new(), entries.len().to_string())
        }
        _ => (String::new(), String::new()),
    };
    let drawing = member.value.to_floats().and_then(|floats| plot(&floats)).unwrap_or_default();
    let value = format!("<code>{}</code>", escape(&format!("{:?}", member.value)));
    [
        format!("<code>{}</code>", escape(&label)),
        format!("<span class=\"npyo-kind\">{}</span>", escape(kind.name())),
        escape(&dtype),
        escape(&shape),
        drawing,
        value,
    ]
}

/// Escapes a text for HTML, with its control characters as Python writes them, and cuts it.
pub(crate) fn escape(text: &str) -> String {
    let printable = npy_object::pickle::printable(text);
    let mut escaped = String::new();
    for (place, character) in printable.chars().enumerate() {
        if place == TEXT {
            escaped.push('…');
            break;
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
