//! `npyo tree`: what is in a file.

use std::io::Write;
use std::path::Path;

use clap::Args;
use npy_object::nested::{Node, Tree as Reader};
use npy_object::{Error, Npz, Source};
use serde::Serialize;

use crate::command::{Output, Run};
use crate::failure::{Failure, printable, write_json};
use crate::input::{At, Input, Reading, Several};
use crate::opened::Opened;
use crate::terminal::Colours;
use crate::tree::Lines;

/// Show what is in it: keys, types, dtypes, shapes, lengths and bytes
///
/// Containers are surveyed and large values are not decoded. The items of a list or an array are
/// described together: `first 1,000 of 50,000` says that only these were looked at, and --sample that
/// more are. `list[int] of 0-20` are lists of up to 20 ints, `3 % missing` of the dicts have no such key,
/// or None. Of an archive, each array is shown.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tree {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    at: At,

    /// Show N levels of members
    #[arg(long, short, value_name = "N", default_value_t = 4)]
    depth: usize,

    /// Show at most N entries of a dict
    #[arg(long, short, value_name = "N", default_value_t = 40)]
    width: usize,

    /// Look at the first N items of a list or an array
    #[arg(long, value_name = "N", default_value_t = 1000)]
    sample: usize,

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
  npyo tree data.npy
  npyo tree model.pkl --depth 2
  npyo tree arrays.npz            every array of the archive
  npyo tree data.npy --at .train
  npyo tree --json data.npy | jq '.entries[].key'";

/// A member of an archive.
#[derive(Serialize)]
struct Member {
    name: String,
    #[serde(flatten)]
    tree: MemberTree,
}

/// The tree of a member, or the error for which it has no tree.
#[derive(Serialize)]
#[serde(untagged)]
enum MemberTree {
    Root(Node),
    None { error: String },
}

impl Run for Tree {
    fn file(&self) -> &Path {
        &self.input.file
    }

    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut opened = self.input.open()?;
        if let Some(archive) = opened.whole_archive() {
            self.archive(archive, &opened, out)?;
            return Ok(opened.check_archive()?);
        }
        let all = self.several.all;
        opened.each(all, |opened| {
            let root = self.reader(opened).read_at(opened.npy()?, &self.at.path())?;
            match self.json {
                true => write_json(out, &root)?,
                false => self.lines(out).write("", &root)?,
            }
            match root.first_error() {
                Some(error) => Err(error.clone().into()),
                None => Ok(()),
            }
        })?;
        if !all && self.at.given().is_none() {
            // The next array of a pipe may be long in coming.
            out.flush()?;
            opened.note_rest(true)?;
        }
        Ok(opened.check_archive()?)
    }
}

impl Tree {
    fn reader(&self, opened: &Opened<'_>) -> Reader {
        let options = opened.options(&self.reading);
        Reader::new().options(options).depth(self.depth).width(self.width).sample(self.sample)
    }

    fn lines<'o, W: Write>(&self, out: &'o mut W) -> Lines<'o, W> {
        Lines { out, colours: Colours::of_stdout() }
    }

    /// Prints every member of an archive.
    fn archive(
        &self,
        archive: &Npz,
        opened: &Opened<'_>,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let reader = self.reader(opened);
        let mut failed = None;
        let mut members = Vec::new();
        for (number, member) in archive.members().iter().enumerate() {
            let name = member.array_name().to_owned();
            if member.name().ends_with('/') {
                continue;
            }
            let read = |source: Source| reader.read_at(source, &self.at.path());
            let tree = archive.source(number).and_then(read);
            match (&tree, self.json) {
                (_, true) => {}
                (Ok(root), false) => self.lines(out).write(&format!("{name}: "), root)?,
                (Err(error), false) => {
                    let Lines { out, colours } = self.lines(out);
                    let error = colours.error(&error.clone().without_file().to_string());
                    writeln!(out, "{}: {error}", colours.key(&printable(&name)))?;
                }
            }
            let error = match &tree {
                Ok(root) => root.first_error().cloned(),
                // An archive may have files that are no arrays.
                Err(error) => Some(error.clone()).filter(|_| member.name().ends_with(".npy")),
            };
            failed = failed.or(error);
            if self.json {
                let none = |error: Error| MemberTree::None { error: error.to_string() };
                members.push(Member { name, tree: tree.map_or_else(none, MemberTree::Root) });
            }
        }
        if self.json {
            write_json(out, &members)?;
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
