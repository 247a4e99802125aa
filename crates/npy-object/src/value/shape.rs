//! [`Shape`]: the length of each dimension of an array.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::value::element::Element;
use crate::value::kind::Kind;

/// The length of each dimension.
#[derive(Clone, PartialEq, Eq)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The most dimensions that NumPy has.
    pub(crate) const MAX: usize = 64;

    pub(crate) fn new(lengths: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(lengths))
    }

    /// The shape whose axes are these of this one.
    pub(crate) fn with_axes(&self, axes: &[usize]) -> Shape {
        Shape(axes.iter().map(|&axis| self[axis]).collect())
    }

    pub(crate) fn read(value: Element<'_>) -> Option<Shape> {
        let lengths = match value.shallow_kind() {
            Kind::Tuple(lengths) => lengths,
            // `_frombuffer` also takes a length.
            Kind::Int(length) => return Some(Shape::new(&[usize::try_from(length).ok()?])),
            _ => return None,
        };
        let mut shape = SmallVec::new();
        for length in lengths {
            let Kind::Int(length) = length.shallow_kind() else {
                return None;
            };
            if shape.len() == Shape::MAX {
                return None;
            }
            shape.push(usize::try_from(length).ok()?);
        }
        Some(Shape(shape))
    }

    /// How many items an array of this shape has.
    pub(crate) fn count(&self) -> Option<usize> {
        if self.contains(&0) {
            return Some(0);
        }
        self.iter().try_fold(1usize, |count, &length| count.checked_mul(length))
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
