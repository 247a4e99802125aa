//! Expands the chapters: fills in the directives, and completes the clauses and the links.

use std::collections::BTreeMap;
use std::fs;

use crate::clauses::{self, Clause};
use crate::fixtures::{self, Fixture};
use crate::links::{self, REPOSITORY};
use crate::{directives, root};

/// The chapters, and what their directives need.
pub struct Specification {
    /// The text of each chapter, by file name.
    chapters: BTreeMap<String, String>,
    /// The clauses, in the order of the chapters in `SUMMARY.md`.
    pub clauses: Vec<Clause>,
    /// The oracle's files.
    pub fixtures: Vec<Fixture>,
}

impl Specification {
    /// Reads the chapters in `spec/` and the manifests of the fixtures.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn load() -> Result<Specification, String> {
        let spec = root().join("spec");
        let read = |file: &str| {
            fs::read_to_string(spec.join(file)).map_err(|error| format!("spec/{file}: {error}"))
        };
        let summary = read("SUMMARY.md")?;
        let mut chapters = BTreeMap::new();
        let mut clauses = Vec::new();
        for file in links::targets(&summary) {
            let text = read(file)?;
            clauses.extend(clauses::of_chapter(file, &text));
            chapters.insert(file.to_owned(), text);
        }
        Ok(Specification { chapters, clauses, fixtures: fixtures::all() })
    }

    /// Returns the chapters as Markdown for mdBook, by file name.
    ///
    /// # Errors
    ///
    /// If a directive does not fit its fixture, or a link leads nowhere. The message has a line for
    /// each.
    pub fn expand(&self) -> Result<BTreeMap<String, String>, String> {
        let notes = clauses::checked_by(self);
        let mut errors = Vec::new();
        let mut expanded = BTreeMap::new();
        for (file, text) in &self.chapters {
            let mut chapter = Chapter { specification: self, notes: &notes, clause: None };
            let mut out = String::new();
            let mut in_code = false;
            for (number, line) in text.lines().enumerate() {
                in_code ^= line.starts_with("```");
                match if in_code { Ok(line.to_owned()) } else { chapter.line(line) } {
                    Ok(line) => out.push_str(&line),
                    Err(error) => errors.push(format!("spec/{file}:{}: {error}", number + 1)),
                }
                out.push('\n');
            }
            out.push_str(&chapter.end_clause());
            expanded.insert(file.clone(), out);
        }
        errors.extend(links::dead(&expanded));
        if errors.is_empty() { Ok(expanded) } else { Err(errors.join("\n")) }
    }

    /// Returns the clause with this id.
    pub(crate) fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id == id)
    }
}

/// The state between the lines of a chapter.
struct Chapter<'a> {
    specification: &'a Specification,
    /// The number of fixtures and tests of each clause, as Markdown.
    notes: &'a BTreeMap<String, String>,
    /// The clause whose section this is.
    clause: Option<&'a Clause>,
}

impl<'a> Chapter<'a> {
    fn line(&mut self, line: &str) -> Result<String, String> {
        if let Some(directive) = line.strip_prefix("{{#") {
            let directive = directive.strip_suffix("}}").ok_or("the directive has no end")?;
            let clause = self.clause.map(|clause| clause.id.as_str());
            return directives::run(directive, self.specification, clause);
        }
        if !line.starts_with("## ") && !line.starts_with("### ") {
            return Ok(link_sources(&self.link_clauses(line)));
        }
        let note = self.end_clause();
        self.clause = clauses::heading(line).and_then(|(id, _)| self.specification.clause(id));
        Ok(match self.clause {
            Some(Clause { id, title, .. }) => {
                format!("{note}### {title} `{id}` {{#{id} .clause}}")
            }
            None => format!("{note}{line}"),
        })
    }

    /// Returns the number of fixtures and tests for the end of the section of a clause.
    fn end_clause(&mut self) -> String {
        self.clause.take().map_or(String::new(), |clause| self.notes[&clause.id].clone())
    }

    /// Makes a link of each code span that is the id of a clause.
    fn link_clauses(&self, line: &str) -> String {
        let mut pieces: Vec<String> = line.split('`').map(str::to_owned).collect();
        if pieces.len().is_multiple_of(2) {
            return line.to_owned(); // a backtick without a partner
        }
        for index in (1..pieces.len()).step_by(2) {
            let is_link = pieces[index + 1].starts_with("](");
            pieces[index] = match self.specification.clause(&pieces[index]) {
                Some(clause) if !is_link => clause.link(),
                _ => format!("`{}`", pieces[index]),
            };
        }
        pieces.concat()
    }
}

/// Makes links to other files of the project, `](../crates/...)`, lead to the repository.
fn link_sources(line: &str) -> String {
    line.replace("](../", &format!("]({REPOSITORY}"))
}
