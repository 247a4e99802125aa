//! Finds links that lead nowhere: those of the chapters, and those of the crates' documentation
//! into `spec/`.
//!
//! Links within the book, to files of the project, and to items of its crates on docs.rs are
//! followed. Links to other sites are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::{root, rust_files};

/// The address of the project's files.
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// The address of the documentation of crates.
const DOCUMENTATION: &str = "https://docs.rs/";

/// Returns a line for each link in the expanded chapters that leads nowhere.
pub(crate) fn dead(chapters: &BTreeMap<String, String>) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        chapters.iter().map(|(file, text)| (file.as_str(), anchors(text))).collect();
    let mut dead = Vec::new();
    for (file, text) in chapters {
        for link in targets(&prose(text)) {
            let alive = if let Some(path) = link.strip_prefix(REPOSITORY) {
                is_file(path)
            } else if let Some(item) = link.strip_prefix(DOCUMENTATION) {
                is_documented(item)
            } else if link.contains("://") {
                true
            } else {
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                match anchors.get(if path.is_empty() { file.as_str() } else { path }) {
                    Some(anchors) => anchor.is_empty() || anchors.contains(anchor),
                    None => root().join("spec").join(path).is_file(),
                }
            };
            if !alive {
                dead.push(format!("spec/{file}: a link that leads nowhere: {link}"));
            }
        }
    }
    dead
}

/// Returns the links in the documentation of the crates to files that the project does not have,
/// each with the file that it is in.
pub fn dead_in_documentation() -> Vec<String> {
    let crates = root().join("crates");
    let readmes = fs::read_dir(&crates).expect("the crates").filter_map(|entry| {
        let path = entry.expect("a crate").path().join("README.md");
        path.is_file().then_some(path)
    });
    let files = rust_files(&crates).into_iter().chain(readmes).chain([root().join("README.md")]);
    let mut dead = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        for rest in text.split(REPOSITORY).skip(1) {
            let end = rest.find([')', '>', ']', '"', ' ', '\n']).unwrap_or(rest.len());
            if !is_file(&rest[..end]) {
                dead.push(format!("{}: {}", file.display(), &rest[..end]));
            }
        }
    }
    dead
}

/// Returns the targets of the links in Markdown: `](target)`, `href="target"`.
pub(crate) fn targets(markdown: &str) -> impl Iterator<Item = &str> {
    let links = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.chain(markdown.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()))
}

/// Returns Markdown without its code blocks.
fn prose(markdown: &str) -> String {
    markdown.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// Returns the anchors of the headings of a chapter.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose = prose(markdown);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| match line.split_once("{#") {
        Some((_, rest)) => rest.split([' ', '}']).next().unwrap_or_default().to_owned(),
        None => slug(line),
    };
    headings.map(anchor).collect()
}

/// Returns the anchor that mdBook and the forge make of a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Returns whether the project has the file, and the file has the heading:
/// `spec/errors.md#wrong-use`.
fn is_file(link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = root().join(file);
    match anchor {
        "" => path.exists(),
        _ => fs::read_to_string(path).is_ok_and(|text| anchors(&text).contains(anchor)),
    }
}

/// Returns whether a crate of the project declares the item:
/// `npy-object/latest/npy_object/struct.Error.html`. Items of other crates count as documented.
fn is_documented(link: &str) -> bool {
    let mut parts = link.split(['#', '/']);
    let sources = root().join("crates").join(parts.next().unwrap_or_default()).join("src");
    let item = parts.find_map(|part| part.strip_suffix(".html")).unwrap_or("index");
    let Some((kind, name)) = item.split_once('.') else { return true };
    let declaration = format!("pub {kind} {name}");
    let declares =
        |path: &PathBuf| fs::read_to_string(path).is_ok_and(|s| s.contains(&declaration));
    !sources.is_dir() || rust_files(&sources).iter().any(declares)
}
