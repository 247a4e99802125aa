//! Prints what is in a file: `cargo run --example tree -- tests/data/splits.npy`.

use npy_object::nested::{Node, Tree};

fn main() -> npy_object::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/data/splits.npy".to_owned());
    let root = Tree::new().depth(3).read(path)?;
    print("", &root, 0);
    root.first_error().map_or(Ok(()), |error| Err(error.clone()))
}

/// Prints a node, and those inside it indented. A tree is at most 64 deep.
fn print(key: &str, node: &Node, depth: usize) {
    println!("{:indent$}{key}{node}", "", indent = 2 * depth);
    for entry in &node.entries {
        print(&format!("{}: ", entry.key), &entry.node, depth + 1);
    }
    if let Some(items) = node.nested_items() {
        print("items: ", items, depth + 1);
    }
}
