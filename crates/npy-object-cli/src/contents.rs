//! What there is to be seen of a file: an array, a container inside it, or one value.

use npy_object::{At, Container, Member, NpyArray, OwnedElement};

use crate::failure::Failure;

/// What there is to be seen.
pub(crate) enum Contents {
    Array(NpyArray),
    Container(Box<Container>),
    Value(Box<OwnedElement>),
}

impl Contents {
    pub(crate) fn of(at: At) -> Contents {
        match at {
            At::Container(container) => Contents::Container(container),
            At::Value(value) => Contents::Value(value),
        }
    }

    /// How many elements or members there are, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Contents::Array(array) => Some(array.len()),
            Contents::Container(container) => container.known_len(),
            Contents::Value(_) => Some(1),
        }
    }

    /// How many there are, if they have to be counted.
    pub(crate) fn count(&mut self) -> npy_object::Result<u64> {
        match self {
            Contents::Container(container) => container.count(),
            Contents::Array(_) | Contents::Value(_) => Ok(self.len().unwrap_or(0)),
        }
    }

    /// The one of this number, if there are so many.
    pub(crate) fn get(&mut self, index: u64) -> npy_object::Result<Option<Member<'_>>> {
        let member = |value| Member { key: None, value };
        match self {
            Contents::Array(array) => Ok(array.get(index)?.map(member)),
            Contents::Container(container) => container.get(index),
            Contents::Value(value) => Ok((index == 0).then(|| member(value.element()))),
        }
    }

    /// Does something to each, from one number on and before another.
    pub(crate) fn each(
        &mut self,
        from: u64,
        to: u64,
        mut each: impl FnMut(Member<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Contents::Array(array) => array.seek(from),
            Contents::Container(container) => container.seek(from),
            Contents::Value(_) => {}
        }
        // Without an end this goes on until there are no more: only then is the file known to be
        // whole.
        for _ in from..to {
            let member = match self {
                Contents::Array(array) => {
                    array.next_element()?.map(|value| Member { key: None, value })
                }
                Contents::Container(container) => container.next_member()?,
                Contents::Value(value) if from == 0 => {
                    return each(Member { key: None, value: value.element() });
                }
                Contents::Value(_) => None,
            };
            match member {
                Some(member) => each(member)?,
                None => break,
            }
        }
        Ok(())
    }
}
