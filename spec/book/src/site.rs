//! From chapters to a site: expands them into a folder of their own, lets mdBook render that, and
//! checks what came out.

use std::fs;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_driver::config::{Config, HtmlConfig};

use crate::chapter::Book;
use crate::{Complaint, links, root};

/// Builds the site into `folder`, or `target/book`. Returns the path of its first page.
///
/// Fails with all complaints there are: unknown clauses, directives that do not fit the files,
/// dead links.
pub fn build(folder: Option<PathBuf>) -> Result<PathBuf, Complaint> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let site = folder.unwrap_or(target.join("book"));
    let source = target.join("book-source");
    let io = |error: std::io::Error| error.to_string();
    for folder in [&site, &source] {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let spec = root().join("spec");
    let book = Book::load(&spec)?;
    for (name, text) in book.expand()? {
        fs::write(source.join(name), text).map_err(io)?;
    }
    for name in ["SUMMARY.md", "opcodes.toml"] {
        fs::copy(spec.join(name), source.join(name)).map_err(io)?;
    }
    fs::copy(spec.join("book/book.css"), target.join("book.css")).map_err(io)?;
    render(&target, &site).map_err(|error| format!("{error:?}"))?;
    links::check(&site)?;
    Ok(site.join("index.html"))
}

fn render(root: &Path, site: &Path) -> Result<(), mdbook_driver::errors::Error> {
    let mut html = HtmlConfig::default();
    html.default_theme = Some("light".into());
    html.preferred_dark_theme = Some("navy".into());
    html.additional_css = vec!["book.css".into()];
    html.print.enable = false;
    html.smart_punctuation = false; // quotes in the text are those of Python
    html.input_404 = Some(String::new());
    let mut config = Config::default();
    config.book.title = Some("The .npy object file".into());
    config.book.language = Some("en".into());
    config.book.src = "book-source".into();
    config.build.build_dir = std::path::absolute(site)?;
    config.build.create_missing = false;
    config.set("output.html", html)?;
    MDBook::load_with_config(root, config)?.build()
}
