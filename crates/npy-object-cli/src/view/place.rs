//! [`Place`]: an open array or container, and the survey that finds its elements in the background.

use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use npy_object::{Contents, Options, Outline, Source, nested};
use serde::Serialize;

use super::lock;
use crate::failure::Failure;

/// The array or container at a path in a file.
pub(super) struct Place {
    /// The bytes of the file, unpacked.
    pub(super) source: Source,
    pub(super) options: Options,
    /// Where it is in the file; `None` for what the file holds.
    pub(super) at: Option<nested::Path>,
    /// Its elements. The survey replaces them by a reader that knows more.
    contents: Mutex<Contents>,
    survey: Mutex<Survey>,
}

/// How far the elements are found.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Survey {
    /// Elements that are found.
    pub(super) known: u64,
    /// The number of elements, where it is known.
    pub(super) total: Option<u64>,
    /// Whether the survey has ended.
    pub(super) done: bool,
    /// The error at which it ended.
    #[serde(skip)]
    pub(super) error: Option<npy_object::Error>,
}

/// Elements that the survey finds at a time.
const STEP: u64 = 10_000;
/// The time after which other threads hear of what was found.
const PUBLISHED: Duration = Duration::from_millis(100);

impl Place {
    /// Opens an array or container, and begins to survey it.
    ///
    /// Fails where nothing of it can be read.
    pub(super) fn open(
        source: Source,
        at: Option<nested::Path>,
        options: Options,
    ) -> Result<Arc<Place>, Failure> {
        let contents = match &at {
            Some(path) => options.at(&source, path)?.into(),
            None => options.members(&source)?,
        };
        let place = Arc::new(Place {
            source,
            options,
            at,
            survey: Mutex::new(Survey::of(&contents)),
            contents: Mutex::new(contents.clone()),
        });
        if !lock(&place.survey).done {
            let place = Arc::downgrade(&place);
            thread::spawn(move || survey(&place, contents));
        }
        Ok(place)
    }

    /// Calls `read` with the elements. Other requests wait.
    pub(super) fn with<T>(&self, read: impl FnOnce(&mut Contents) -> T) -> T {
        read(&mut lock(&self.contents))
    }

    /// Returns another reader of the same elements.
    pub(super) fn reader(&self) -> Contents {
        lock(&self.contents).clone()
    }

    /// Returns how far the elements are found.
    pub(super) fn survey(&self) -> Survey {
        lock(&self.survey).clone()
    }

    /// Returns the outline of an element that is found.
    pub(super) fn outline(&self, index: u64) -> Result<Option<Outline>, Failure> {
        self.with(|contents| Ok(contents.outline(index)?.map(|(_, outline)| outline)))
    }
}

impl Survey {
    fn of(contents: &Contents) -> Survey {
        let total = contents.known_len();
        let known = total.map_or(contents.known(), |total| contents.known().min(total));
        Survey { known, total, done: total == Some(known), error: None }
    }
}

/// Finds the elements of a place, step by step, until it is closed.
fn survey(place: &Weak<Place>, mut contents: Contents) {
    let mut published = Instant::now();
    loop {
        let next = contents.known();
        let last = contents.known_len().map_or(u64::MAX, |total| total.saturating_sub(1));
        let found = contents.outline(next.saturating_add(STEP).min(last)).map(drop);
        let mut survey = Survey::of(&contents);
        match found {
            Err(error) => (survey.error, survey.done) = (Some(error), true),
            // The last step finds the end of a container, and an error may hide what follows.
            Ok(_) => survey.done |= survey.known == next,
        }
        let Some(place) = place.upgrade() else { return };
        let done = survey.done;
        if done || published.elapsed() >= PUBLISHED {
            *lock(&place.contents) = contents.clone();
            *lock(&place.survey) = survey;
            published = Instant::now();
        }
        if done {
            return;
        }
    }
}
