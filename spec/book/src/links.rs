//! Checks links: those of the built site, and those of the crates' documentation into `spec/`. Every
//! page, file, heading and item that they lead to is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Complaint, root, rust_files};

/// Where the project's files can be read.
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// Where the documentation of crates can be read.
const DOCUMENTATION: &str = "https://docs.rs/";

/// Fails with a line for each link that leads nowhere. Links to other sites are not followed, unless
/// they lead to this project's files or to the documentation of its crates.
pub(crate) fn check(site: &Path) -> Result<(), Complaint> {
    let mut anchors = BTreeMap::new();
    let mut links = Vec::new();
    let io = |error: std::io::Error| error.to_string();
    for entry in fs::read_dir(site).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let page = fs::read_to_string(&path).map_err(io)?;
        let ids: BTreeSet<String> = attributes(&page, " id=\"").collect();
        for link in attributes(&page, " href=\"").chain(attributes(&page, " src=\"")) {
            links.push((path.clone(), link));
        }
        anchors.insert(path, ids);
    }
    let dead: Vec<String> = links
        .iter()
        .filter(|(page, link)| !leads_somewhere(site, page, link, &anchors))
        .map(|(page, link)| format!("{}: a dead link: {link}", page.display()))
        .collect();
    if dead.is_empty() { Ok(()) } else { Err(dead.join("\n")) }
}

fn leads_somewhere(
    site: &Path,
    page: &Path,
    link: &str,
    anchors: &BTreeMap<PathBuf, BTreeSet<String>>,
) -> bool {
    if let Some(file) = link.strip_prefix(REPOSITORY) {
        return is_file(file);
    }
    if let Some(item) = link.strip_prefix(DOCUMENTATION) {
        return is_documented(item);
    }
    if link.contains("://") || link.starts_with("data:") {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { site.join(path) };
    match anchors.get(&target) {
        Some(ids) => anchor.is_empty() || ids.contains(anchor),
        None => target.is_file() && anchor.is_empty(),
    }
}

/// Whether the project has the file, and it the heading: `spec/errors.md#wrong-use`.
fn is_file(link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = root().join(file);
    if anchor.is_empty() {
        return path.exists();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor)
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Whether a crate of the project has the item: `npy-object/latest/npy_object/struct.Error.html`. Other
/// crates are not looked into.
fn is_documented(link: &str) -> bool {
    let mut parts = link.split(['#', '/']);
    let sources = root().join("crates").join(parts.next().unwrap_or_default()).join("src");
    let item = parts.find_map(|part| part.strip_suffix(".html")).unwrap_or("index");
    let Some((kind, name)) = item.split_once('.') else { return true };
    let declared = format!("pub {} {name}", if kind == "fn" { "fn" } else { kind });
    let declares = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|s| s.contains(&declared));
    !sources.is_dir() || rust_files(&sources).iter().any(declares)
}

/// The links of the crates' documentation to this project's files that lead nowhere, with where
/// they are.
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

/// The values of an attribute, given as it begins: ` href="`.
fn attributes<'a>(page: &'a str, start: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split(start).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned)
}
