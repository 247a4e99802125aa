//! The files of the page, which are part of the program.

use super::answer::Answer;

/// Path, type and text of each file.
const FILES: [(&str, &str, &str); 11] = [
    ("", HTML, include_str!("assets/index.html")),
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("main.js", SCRIPT, include_str!("assets/main.js")),
    ("api.js", SCRIPT, include_str!("assets/api.js")),
    ("dom.js", SCRIPT, include_str!("assets/dom.js")),
    ("list.js", SCRIPT, include_str!("assets/list.js")),
    ("element.js", SCRIPT, include_str!("assets/element.js")),
    ("plots.js", SCRIPT, include_str!("assets/plots.js")),
    ("reports.js", SCRIPT, include_str!("assets/reports.js")),
    ("spec.json", "application/json", include_str!("assets/spec.json")),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Returns the file of this path.
pub(super) fn find(path: &str) -> Option<Answer> {
    let &(_, content_type, text) = FILES.iter().find(|(name, ..)| *name == path)?;
    Some(Answer { status: 200, content_type, body: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_asks_for_nothing_from_another_host() {
        for (name, _, text) in FILES {
            // The name of the namespace of SVG is not an address.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{name}");
        }
    }

    #[test]
    fn page_never_parses_text_as_html() {
        for (name, _, text) in FILES {
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}
