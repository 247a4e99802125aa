//! What becomes of the text of a chapter: directives are carried out, clauses get an anchor and say
//! who checks them, and their names become links.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::clauses::{self, Clause};
use crate::directives;
use crate::fixtures::{self, Fixture};
use crate::links::REPOSITORY;
use crate::{Complaint, root};

/// The chapters, and what they are made with.
pub(crate) struct Book {
    /// By file name.
    pub(crate) chapters: BTreeMap<String, String>,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) fixtures: Vec<Fixture>,
}

impl Book {
    /// The book of which the chapters are the Markdown files in `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Book, Complaint> {
        let mut book =
            Book { chapters: BTreeMap::new(), clauses: Vec::new(), fixtures: fixtures::fixtures() };
        for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "md") && name != "SUMMARY.md" {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                book.clauses.extend(clauses::of_chapter(&name, &text));
                book.chapters.insert(name, text);
            }
        }
        let order =
            fs::read_to_string(folder.join("SUMMARY.md")).map_err(|error| error.to_string())?;
        book.clauses.sort_by_key(|clause| order.find(&format!("({})", clause.chapter)));
        Ok(book)
    }

    /// The chapters as mdBook reads them. Fails with all that is wrong with them.
    pub(crate) fn expand(&self) -> Result<Vec<(String, String)>, Complaint> {
        let checks = Checks::new(self);
        let (mut expanded, mut complaints) = (Vec::new(), Vec::new());
        for (name, text) in &self.chapters {
            let mut writer =
                Writer { book: self, checks: &checks, clause: None, out: String::new() };
            for (number, line) in text.lines().enumerate() {
                if let Err(complaint) = writer.line(line) {
                    complaints.push(format!("spec/{name}:{}: {complaint}", number + 1));
                }
            }
            writer.close_clause();
            expanded.push((name.clone(), writer.out));
        }
        if complaints.is_empty() { Ok(expanded) } else { Err(complaints.join("\n")) }
    }

    fn clause(&self, name: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.name == name)
    }
}

/// Who checks which clause, as HTML.
struct Checks(BTreeMap<String, String>);

impl Checks {
    fn new(book: &Book) -> Checks {
        let fixtures = clauses::fixtures_by_clause(&book.fixtures);
        let tests = clauses::tests_by_clause();
        let mut notes = BTreeMap::new();
        for clause in &book.clauses {
            let fixtures = fixtures.get(&clause.name).map_or(&[][..], Vec::as_slice);
            let mut items: Vec<String> = cases(fixtures);
            if clause.has_streams {
                let file = "crates/pickle-stream/tests/clauses.rs";
                items.push(format!("the examples above, run by {}", source(file, file)));
            }
            for (file, test) in tests.get(&clause.name).into_iter().flatten() {
                items.push(format!("<code>{test}</code> in {}", source(file, file)));
            }
            let count = match fixtures.len() {
                0 => String::new(),
                1 => ": 1 fixture".to_owned(),
                count => format!(": {count} fixtures"),
            };
            let list: String = items.iter().map(|item| format!("<li>{item}</li>")).collect();
            let note = format!(
                "<details class=\"checked\"><summary>Checked by{}{count}</summary><ul>{list}</ul></details>",
                if count.is_empty() { " tests" } else { "" }
            );
            notes.insert(clause.name.clone(), note);
        }
        Checks(notes)
    }
}

/// Fixtures, one item for each case: the files that different environments wrote of it are counted.
fn cases(fixtures: &[&Fixture]) -> Vec<String> {
    let mut counts: Vec<(String, &Fixture, usize)> = Vec::new();
    for fixture in fixtures {
        let case = fixture.file.split("-p").next().unwrap_or(&fixture.file);
        let case = case.trim_end_matches(".npy").to_owned();
        match counts.last_mut() {
            Some((last, _, count)) if *last == case => *count += 1,
            _ => counts.push((case, fixture, 1)),
        }
    }
    let item = |(case, fixture, count): (String, &Fixture, usize)| {
        let about = directives::escape(&fixture.about);
        let file = fixture.path.clone();
        match count {
            1 => format!("{}: {about}", source(&file, &case)),
            _ => format!("{} ({count} files): {about}", source(&file, &case)),
        }
    };
    counts.into_iter().map(item).collect()
}

/// A link to a file of the project.
fn source(file: &str, text: &str) -> String {
    format!("<a href=\"{REPOSITORY}{file}\"><code>{text}</code></a>")
}

/// Goes through the lines of a chapter.
struct Writer<'a> {
    book: &'a Book,
    checks: &'a Checks,
    /// The clause whose section this is.
    clause: Option<String>,
    out: String,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) -> Result<(), Complaint> {
        if line.starts_with("## ") || line.starts_with("### ") {
            self.close_clause();
        }
        if let Some(name) = line.strip_prefix("### ").filter(|name| clauses::is_clause(name)) {
            self.clause = Some(name.to_owned());
            self.push(&format!("### {name} {{#{name} .clause}}"));
        } else if let Some(directive) = line.strip_prefix("{{#") {
            let directive = directive.strip_suffix("}}").ok_or("a directive that is not closed")?;
            let text = directives::run(directive, self.book, self.clause.as_deref())?;
            self.push(&text);
        } else if line.starts_with("    ") {
            self.push(line);
        } else {
            let line = self.link_clauses(&self.with_dots(line));
            let line = link_sources(&line)?;
            self.push(&line);
        }
        Ok(())
    }

    fn push(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Says who checks the clause that ends here.
    fn close_clause(&mut self) {
        if let Some(clause) = self.clause.take() {
            let note = self.checks.0[&clause].clone();
            self.push(&note);
            self.push("");
        }
    }

    /// Links to a clause as the forge makes its anchor, without dots, lead to that of the book.
    fn with_dots(&self, line: &str) -> String {
        if !line.contains("](#") {
            return line.to_owned();
        }
        self.book.clauses.iter().fold(line.to_owned(), |line, clause| {
            let anchor = format!("](#{})", clause.name.replace('.', ""));
            line.replace(&anchor, &format!("](#{})", clause.name))
        })
    }

    /// Names of clauses in code spans become links.
    fn link_clauses(&self, line: &str) -> String {
        let mut linked = String::new();
        let pieces: Vec<&str> = line.split('`').collect();
        for (index, piece) in pieces.iter().enumerate() {
            let is_code = index % 2 == 1 && index + 1 < pieces.len();
            if is_code && pieces[index + 1].starts_with("](") {
                // It is a link already, as the forge wants it: the anchor without dots.
                linked.push_str(&format!("`{piece}`"));
                continue;
            }
            match self.book.clause(piece).filter(|_| is_code) {
                Some(clause) => {
                    let address = format!("{}#{piece}", clause.chapter);
                    linked.push_str(&format!("[`{piece}`]({address})"));
                }
                None if is_code => linked.push_str(&format!("`{piece}`")),
                None if index % 2 == 1 => linked.push_str(&format!("`{piece}")),
                None => linked.push_str(piece),
            }
        }
        linked
    }
}

/// Links to the project's other files, `](../crates/...)`, lead to the repository.
fn link_sources(line: &str) -> Result<String, Complaint> {
    let mut linked = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](../") {
        let (path, behind) = after.split_once(')').ok_or("a link that is not closed")?;
        if !root().join(path.split('#').next().unwrap_or(path)).exists() {
            return Err(format!("there is no {path}"));
        }
        linked.push_str(&format!("{before}]({REPOSITORY}{path})"));
        rest = behind;
    }
    linked.push_str(rest);
    Ok(linked)
}
