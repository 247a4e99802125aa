//! The program that mdBook runs: reads a book as JSON, writes it back with the chapters expanded.

use std::io;
use std::process::ExitCode;

use mdbook_preprocessor::parse_input;
use spec_book::Specification;

fn main() -> ExitCode {
    // `supports RENDERER` asks with the exit status whether the renderer will do. Every one does.
    if std::env::args().nth(1).is_some_and(|argument| argument == "supports") {
        return ExitCode::SUCCESS;
    }
    match preprocess() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn preprocess() -> Result<(), String> {
    let (_, mut book) = parse_input(io::stdin()).map_err(|error| error.to_string())?;
    let specification = Specification::load()?;
    let mut expanded = specification.expand()?;
    book.for_each_chapter_mut(|chapter| {
        let file = chapter.source_path.as_deref().and_then(|path| path.to_str());
        if let Some(text) = file.and_then(|file| expanded.remove(file)) {
            chapter.content = text;
        }
    });
    serde_json::to_writer(io::stdout(), &book).map_err(|error| error.to_string())
}
