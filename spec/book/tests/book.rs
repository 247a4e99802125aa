//! The book builds: its directives fit the files, and no link in it is dead, nor any that leads to it
//! from the documentation of the crates.

#[test]
fn the_book_builds() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let index = spec_book::build(Some(folder)).unwrap_or_else(|complaints| panic!("{complaints}"));
    let page = std::fs::read_to_string(index).expect("the first page");
    assert!(page.contains("<svg"), "no picture on the first page");
}

#[test]
fn the_documentation_leads_into_the_book() {
    assert_eq!(spec_book::links::dead_in_documentation(), Vec::<String>::new());
    let library = spec_book::root().join("crates/npy-object/src/lib.rs");
    assert!(std::fs::read_to_string(library).unwrap().contains("/blob/main/spec/README.md"));
}
