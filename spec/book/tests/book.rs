//! The book builds: its directives fit the files, and no link in it is dead.

#[test]
fn the_book_builds() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let index = spec_book::build(Some(folder)).unwrap_or_else(|complaints| panic!("{complaints}"));
    let page = std::fs::read_to_string(index).expect("the first page");
    assert!(page.contains("<svg"), "no picture on the first page");
}
