//! [`Shape`]: the length of each dimension of an array.

use std::fmt;
use std::ops::Deref;

use pickle_stream::ValueRef;
use smallvec::SmallVec;

/// The length of each dimension of an array. Displayed as Python prints it: `(3,)`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The number of dimensions that NumPy allows.
    const MAX: usize = 64;

    /// Returns the shape with these axes of this one, in this order.
    pub(crate) fn with_axes(&self, axes: &[usize]) -> Shape {
        Shape(axes.iter().map(|&axis| self[axis]).collect())
    }

    /// Reads a pickled shape: a tuple, or an int for one dimension, which `_frombuffer` and dtypes
    /// of subarrays may have.
    pub(crate) fn read(value: ValueRef<'_>) -> Option<Shape> {
        match value.as_int() {
            Some(length) => Some(Shape::from(&[usize::try_from(length).ok()?][..])),
            None => Shape::of_tuple(value),
        }
    }

    /// Reads the pickled length of the only dimension.
    #[inline(always)]
    pub(crate) fn of_length(length: ValueRef<'_>) -> Option<Shape> {
        let length = usize::try_from(length.as_int()?).ok()?;
        Some(Shape(SmallVec::from_buf_and_len([length, 0, 0, 0], 1)))
    }

    /// Reads a pickled tuple of lengths.
    #[inline]
    pub(crate) fn of_tuple(value: ValueRef<'_>) -> Option<Shape> {
        let length = |length: ValueRef<'_>| usize::try_from(length.as_int()?).ok();
        let lengths = value.as_tuple()?;
        if lengths.len() > Shape::MAX {
            return None;
        }
        lengths.map(length).collect::<Option<_>>().map(Shape)
    }

    /// Returns the number of items of an array of this shape; `None` over `usize::MAX`.
    #[inline]
    pub(crate) fn count(&self) -> Option<usize> {
        let product = self.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
        // Where one length is 0, the product of the others may overflow.
        product.or_else(|| self.contains(&0).then_some(0))
    }

    /// Returns whether C order and Fortran order differ. They are the same where at most one
    /// dimension is longer than 1, and NumPy then says C.
    pub(crate) fn has_order(&self) -> bool {
        !self.contains(&0) && self.iter().filter(|&&length| length > 1).count() > 1
    }
}

impl From<&[usize]> for Shape {
    fn from(lengths: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(lengths))
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

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match **self {
            [] => f.write_str("()"),
            [length] => write!(f, "({length},)"),
            [first, ref rest @ ..] => {
                write!(f, "({first}")?;
                rest.iter().try_for_each(|length| write!(f, ", {length}"))?;
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_of_shape_is_a_python_tuple() {
        for (lengths, expected) in [(&[][..], "()"), (&[3], "(3,)"), (&[3, 0, 2], "(3, 0, 2)")] {
            assert_eq!(Shape::from(lengths).to_string(), expected);
        }
    }
}
