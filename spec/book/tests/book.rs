//! The chapters expand, mdBook's protocol is spoken, and links into the book lead somewhere.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mdbook_preprocessor::PreprocessorContext;
use mdbook_preprocessor::book::{Book, BookItem, Chapter};
use mdbook_preprocessor::config::Config;
use spec_book::Specification;

#[test]
fn chapters_expand_without_errors() {
    let specification = Specification::load().unwrap();
    let chapters = specification.expand().unwrap_or_else(|errors| panic!("{errors}"));
    for (file, text) in &chapters {
        assert!(!text.contains("\n{{#"), "a directive is left in {file}");
    }
    let introduction = &chapters["README.md"];
    assert!(introduction.contains("<b class=\"header\">"), "no map of a file");
    for clause in &specification.clauses {
        let anchor = format!("{{#{} .clause}}", clause.id);
        assert!(chapters[&clause.chapter].contains(&anchor), "no anchor for {}", clause.id);
    }
}

#[test]
fn program_reads_and_writes_the_json_of_mdbook() {
    let mut chapter = Chapter::new("Header", String::new(), "header.md", Vec::new());
    chapter.source_path = Some(PathBuf::from("header.md"));
    let book = Book::new_with_items(vec![BookItem::Chapter(chapter)]);
    let context = PreprocessorContext::new("spec".into(), Config::default(), "html".into());
    let input = serde_json::to_vec(&(context, book)).unwrap();

    let mut program = Command::new(env!("CARGO_BIN_EXE_spec-book"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(&input).unwrap();
    let output = program.wait_with_output().unwrap();

    assert!(output.status.success());
    let book: Book = serde_json::from_slice(&output.stdout).unwrap();
    let BookItem::Chapter(chapter) = &book.items[0] else { panic!("no chapter") };
    assert!(chapter.content.contains("{#npy.header.shape .clause}"));
}

#[test]
fn links_of_the_documentation_lead_to_files() {
    assert_eq!(spec_book::links::dead_in_documentation(), Vec::<String>::new());
    let library = spec_book::root().join("crates/npy-object/src/lib.rs");
    assert!(std::fs::read_to_string(library).unwrap().contains("/blob/main/spec/README.md"));
}
