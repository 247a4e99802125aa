//! A search for elements of a kind, or with a text, in steps of bounded time.

use std::time::{Duration, Instant};

use npy_object::nested::Member;
use npy_object::{Contents, Element, Error, Kind};
use serde::Serialize;

use super::rows::{self, Row};
use super::tree::path_of;

/// Elements that a step finds at most.
const MOST: usize = 50;
/// The time of a step.
const STEP: Duration = Duration::from_millis(200);
/// Elements between two looks at the clock.
const CLOCK: u64 = 256;
/// Keys of a dict that are compared.
const KEYS: usize = 1_000;

/// The elements that are searched for.
pub(super) struct Wanted {
    /// The name of a kind, such as `array`; empty for every kind.
    kind: String,
    /// A text in a key, a str, or the name of a class, in lower case; empty for every element.
    text: String,
}

/// The elements that a step has found.
#[derive(Serialize)]
pub(super) struct Found {
    rows: Vec<Row>,
    /// The number of the element with which the next step begins.
    next: u64,
    /// The error at which the search ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Wanted {
    pub(super) fn new(kind: String, text: &str) -> Wanted {
        Wanted { kind, text: text.to_lowercase() }
    }

    fn is(&self, member: &Member<'_>) -> bool {
        let kind = member.value.kind();
        (self.kind.is_empty() || kind.name() == self.kind)
            && (self.text.is_empty()
                || member.key.is_some_and(|key| self.is_in(&key.kind()))
                || self.is_in(&kind)
                || self.is_in_key_of(&kind))
    }

    fn is_in(&self, kind: &Kind<'_>) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        match kind {
            Kind::Str(text) => has(&text.to_string_lossy()),
            Kind::Int(int) => has(&int.to_string()),
            Kind::Float(float) => has(&float.to_string()),
            Kind::Decimal(digits) => has(digits),
            Kind::Global(global) => has(&path_of(*global)),
            Kind::Object(object) => {
                matches!(object.callable().kind(), Kind::Global(class) if has(&path_of(class)))
            }
            _ => false,
        }
    }

    fn is_in_key_of(&self, kind: &Kind<'_>) -> bool {
        let is_in = |value: Element<'_>| self.is_in(&value.kind());
        match kind {
            Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
                entries.clone().take(KEYS).any(|(key, _)| is_in(key))
            }
            _ => false,
        }
    }
}

/// Searches the elements from `from` up to `to`, for at most a step.
pub(super) fn search(contents: &mut Contents, wanted: &Wanted, from: u64, to: u64) -> Found {
    let begun = Instant::now();
    let mut found = Found { rows: Vec::new(), next: from, error: None };
    let mut numbers = Vec::new();
    while found.next < to && numbers.len() < MOST && begun.elapsed() < STEP {
        let end = to.min(found.next + CLOCK);
        let outcome = contents.for_each(found.next..end, |member| {
            if numbers.len() < MOST {
                if wanted.is(&member) {
                    numbers.push(found.next);
                }
                found.next += 1;
            }
            Ok::<(), Error>(())
        });
        if let Err(error) = outcome {
            // An element that is too large is left out.
            found.next += 1;
            found.error = Some(error.to_string());
        }
    }
    let row = |number| rows::row(contents, number).ok().flatten();
    found.rows = numbers.into_iter().filter_map(row).collect();
    found
}
