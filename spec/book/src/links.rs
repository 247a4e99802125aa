//! Checks the links of the built site: every page and every anchor they lead to is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::Complaint;

/// Fails with a line for each link that leads nowhere. Links to other sites are not followed.
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

/// The values of an attribute, given as it begins: ` href="`.
fn attributes<'a>(page: &'a str, start: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split(start).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned)
}
