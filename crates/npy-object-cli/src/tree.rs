//! The lines of a tree, for `tree` and `info`.
//!
//! ```text
//! dict of 2                                       (line of the root)
//! ├─ 'train': array <f8 (1000, 3)  24.0 KB        (entries)
//! └─ 'tracks': list of 50
//!    └─ 50 dict of 3                              (items, described together)
//! ```

use std::io::{self, Write};

use npy_object::nested::{Key, Node};

use crate::failure::printable;
use crate::terminal::{Colours, columns, cut};

/// A writer of trees.
pub(crate) struct Lines<'o, W> {
    pub(crate) out: &'o mut W,
    pub(crate) colours: Colours,
}

/// The place of a node in its tree.
struct Branch<'p> {
    /// The lines of the nodes around it, to the left of its children.
    prefix: &'p str,
    /// Dicts in which it could be an entry; `None` of an item.
    dicts: Option<u64>,
}

impl<W: Write> Lines<'_, W> {
    /// Writes a node and those inside it.
    pub(crate) fn write(&mut self, title: &str, root: &Node) -> io::Result<()> {
        let title = self.colours.key(&printable(title));
        let branch = Branch { prefix: "", dicts: None };
        self.line(&title, root, &branch)?;
        self.inside(root, "")
    }

    /// Writes the lines of what is inside a node. Recurses as deep as the tree, which has a limit.
    fn inside(&mut self, node: &Node, prefix: &str) -> io::Result<()> {
        let items = node.nested_items();
        let (more, error) = (node.more > 0, node.error.as_ref());
        let mut left = node.entries.len()
            + usize::from(items.is_some())
            + usize::from(more)
            + usize::from(error.is_some());
        let dicts = node.dicts();
        let mut begin = |lines: &mut Self| {
            left -= 1;
            let (branch, below) = if left == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            lines.out.write_all(lines.colours.dim(&format!("{prefix}{branch}")).as_bytes())?;
            io::Result::Ok(format!("{prefix}{below}"))
        };
        for entry in &node.entries {
            let below = begin(self)?;
            let key = cut(&printable(&entry.key.to_string()), columns() / 2);
            let key = self.colours.key(&key);
            let is_in_dicts = dicts > 1 && !matches!(entry.key, Key::Attribute(_));
            let branch = Branch { prefix: &below, dicts: is_in_dicts.then_some(dicts) };
            self.line(&format!("{key}: "), &entry.node, &branch)?;
            self.inside(&entry.node, &below)?;
        }
        if let Some(items) = items {
            let below = begin(self)?;
            let title = match (items.count, node.all_items()) {
                (count, all) if count < all => {
                    format!("first {} of {}: ", grouped(count), grouped(all))
                }
                (count, _) => format!("{} × ", grouped(count)),
            };
            let branch = Branch { prefix: &below, dicts: None };
            self.line(&title, items, &branch)?;
            self.inside(items, &below)?;
        }
        if more {
            begin(self)?;
            writeln!(self.out, "{}", self.colours.dim(&format!("… {} more", grouped(node.more))))?;
        }
        if let Some(error) = error {
            begin(self)?;
            let text = error.clone().without_file().to_string();
            writeln!(self.out, "{}", self.colours.error(&format!("error: {text}")))?;
        }
        Ok(())
    }

    /// Writes the line of a node after its key.
    fn line(&mut self, title: &str, node: &Node, branch: &Branch<'_>) -> io::Result<()> {
        let text = printable(&node.to_string());
        write!(self.out, "{title}{}", self.colours.kind(&text))?;
        if let Some(value) = &node.value {
            let value = printable(value);
            let room = columns().saturating_sub(branch.prefix.chars().count() + text.len() + 12);
            write!(self.out, " {}", self.colours.value(&cut(&value, room.max(20))))?;
        } else if let (Some(bytes), 1) = (node.bytes, node.count) {
            write!(self.out, "  {}", self.colours.dim(&size(bytes)))?;
        }
        if let Some(missing) = missing(node, branch.dicts) {
            write!(self.out, " ({missing})")?;
        }
        writeln!(self.out)
    }
}

/// Returns the share of dicts in which an entry is missing or None, as text.
fn missing(node: &Node, dicts: Option<u64>) -> Option<String> {
    let dicts = dicts?;
    let nones = node.sorts.iter().filter(|sort| sort.name == "None").map(|sort| sort.count);
    let missing = dicts.saturating_sub(node.count) + nones.sum::<u64>();
    if missing == 0 {
        return None;
    }
    let percent = 100.0 * missing as f64 / dicts as f64;
    Some(if percent < 0.1 {
        "< 0.1 % missing".to_owned()
    } else {
        format!("{percent:.1} % missing")
    })
}

/// Returns a number with a comma after every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a number of bytes in a unit. A KB is 1,024 bytes, as in `--max-memory`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouped_and_size_are_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let sizes = [1, 1023, 1024, 1 << 20, 1_000_000_000_000].map(size);
        assert_eq!(sizes, ["1 byte", "1023 bytes", "1.0 KB", "1.0 MB", "931.3 GB"]);
    }
}
