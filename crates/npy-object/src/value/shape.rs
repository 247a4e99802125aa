//! [`Shape`]: the length of each dimension of an array.

use std::fmt;
use std::ops::Deref;

use pickle_stream::ValueRef;
use smallvec::SmallVec;

use crate::value::element::Element;

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
        let value = value.value()?;
        // `_frombuffer` also takes a length.
        let length = |length| Some(Shape::new(&[usize::try_from(length).ok()?]));
        value.as_int().map_or_else(|| Shape::of_tuple(value), length)
    }

    #[inline]
    pub(crate) fn of_tuple(value: ValueRef<'_>) -> Option<Shape> {
        let length = |length: ValueRef<'_>| usize::try_from(length.as_int()?).ok();
        if let Some([only]) = value.to_tuple() {
            return Some(Shape(SmallVec::from_buf_and_len([length(only)?, 0, 0, 0], 1)));
        }
        let lengths = value.as_tuple()?;
        if lengths.len() > Shape::MAX {
            return None;
        }
        lengths.map(length).collect::<Option<_>>().map(Shape)
    }

    /// How many items an array of this shape has.
    #[inline]
    pub(crate) fn count(&self) -> Option<usize> {
        let product = self.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
        // Where a length is 0, the others may be of any size.
        product.or_else(|| self.contains(&0).then_some(0))
    }

    /// Whether it makes a difference which index varies fastest: where at most one dimension is
    /// longer than 1 it makes none, and NumPy calls both orders C.
    pub(crate) fn has_order(&self) -> bool {
        !self.contains(&0) && self.iter().filter(|&&length| length > 1).count() > 1
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
