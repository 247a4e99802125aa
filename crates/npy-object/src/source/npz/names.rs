//! The error message for a name that no member of an archive has.

/// Names that are shown at most.
const SHOWN: usize = 5;

/// Characters of a name, and names, that are compared at most. The time is their product.
const LONGEST: usize = 100;
const MOST: usize = 1000;

/// Returns the message that there is no member of this name.
pub(super) fn none_of<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let message = format!("{} is not a file in the archive", shown(name));
    let mut close: Vec<(usize, &str)> = names
        .clone()
        .take(MOST)
        .filter_map(|known| Some((distance(name, known)?, known)))
        .collect();
    close.sort_by_key(|&(distance, _)| distance);
    if !close.is_empty() {
        let close: Vec<String> = close.iter().take(SHOWN).map(|(_, known)| shown(known)).collect();
        return format!("{message}; did you mean {}?", close.join(" or "));
    }
    let first: Vec<String> = names.clone().take(SHOWN).map(shown).collect();
    match names.count() {
        0 => format!("{message}, which is empty"),
        count if count > SHOWN => {
            format!("{message}, which has {count}: {}, ...", first.join(", "))
        }
        _ => format!("{message}, which has {}", first.join(", ")),
    }
}

/// Returns a name in quotes, with control characters escaped, cut after 100 characters.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(LONGEST).collect();
    if text.len() < name.len() {
        text.push_str("...");
    }
    format!("{text:?}")
}

/// Returns how many characters differ between two names, ignoring case; `None` where over a third
/// do.
fn distance(one: &str, other: &str) -> Option<usize> {
    let [one, other] = [one, other].map(|name| {
        let characters = name.chars().take(LONGEST + 1).flat_map(char::to_lowercase);
        characters.collect::<Vec<char>>()
    });
    let longer = one.len().max(other.len());
    let most = longer.div_ceil(3);
    if longer > LONGEST || one.len().abs_diff(other.len()) > most {
        return None;
    }
    // The last two rows of the table of the Damerau-Levenshtein distance, and the next.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let mut least = (last[column] + usize::from(a != b))
                .min(last[column + 1] + 1)
                .min(next[column] + 1);
            let swapped = row > 0 && column > 0 && *a == other[column - 1] && one[row - 1] == *b;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.pop().filter(|&distance| distance <= most && distance < longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_a_misspelled_name_suggests_similar_names() {
        let names = ["train", "test", "labels"];
        for (name, expected) in [
            ("trian", "\"trian\" is not a file in the archive; did you mean \"train\"?"),
            ("Labels.", "\"Labels.\" is not a file in the archive; did you mean \"labels\"?"),
            (
                "weights",
                "\"weights\" is not a file in the archive, which has \"train\", \"test\", \"labels\"",
            ),
        ] {
            assert_eq!(none_of(name, names.into_iter()), expected);
        }
        assert_eq!(
            none_of("x", [].into_iter()),
            "\"x\" is not a file in the archive, which is empty"
        );
        let many = (0..9).map(|n| ["alpha", "beta", "gamma"][n % 3]);
        assert!(
            none_of("x\x1b", many)
                .ends_with("which has 9: \"alpha\", \"beta\", \"gamma\", \"alpha\", \"beta\", ...")
        );
    }

    #[test]
    fn distance_of_long_names_is_none() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(distance(&long, &long), None);
        assert_eq!(distance("ab", "ba"), Some(1));
        assert_eq!(distance("a", "b"), None);
    }
}
