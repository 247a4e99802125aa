//! The argument of an instruction whose opcode is known, for a caller that asks for it by its form.
//!
//! [`Read`] has what the [lexer](super::Lexer) has read. [`Unread`] takes the frequent binary
//! arguments from the bytes behind the opcode, and has no other: a caller that gets none leaves the
//! instruction to the lexer. So one match over the opcodes serves both.

use super::instruction::Argument;

/// Gives the argument of an instruction; `None` where the lexer has to read it.
pub(crate) trait Fetch<'a> {
    /// Returns an unsigned 1-byte number.
    fn uint1(&mut self) -> Option<i64>;
    /// Returns an unsigned 2-byte number.
    fn uint2(&mut self) -> Option<i64>;
    /// Returns an unsigned 4-byte number.
    fn uint4(&mut self) -> Option<i64>;
    /// Returns a signed 4-byte number.
    fn int4(&mut self) -> Option<i64>;
    /// Returns an 8-byte float.
    fn float8(&mut self) -> Option<f64>;
    /// Returns a payload with a 1-byte length.
    fn short_payload(&mut self) -> Option<&'a [u8]>;
    /// Returns a payload with a 4-byte length.
    fn long_payload(&mut self) -> Option<&'a [u8]>;
    /// Passes the size of a FRAME.
    fn frame(&mut self) -> Option<()>;
    /// Returns an argument of any form.
    fn any(&mut self) -> Option<Argument<'a>>;
    /// Returns the bytes behind the instruction, as far as they may be taken with it: see
    /// [`take`](Self::take).
    fn behind(&self) -> &'a [u8];
    /// Takes `size` bytes more: instructions that were carried out together with this one.
    fn take(&mut self, size: usize);
}

/// An argument that the lexer has read, of the form that the opcode has.
pub(crate) struct Read<'a>(pub(crate) Argument<'a>);

impl<'a> Fetch<'a> for Read<'a> {
    fn uint1(&mut self) -> Option<i64> {
        Some(self.0.int())
    }

    fn uint2(&mut self) -> Option<i64> {
        Some(self.0.int())
    }

    fn uint4(&mut self) -> Option<i64> {
        Some(self.0.int())
    }

    fn int4(&mut self) -> Option<i64> {
        Some(self.0.int())
    }

    fn float8(&mut self) -> Option<f64> {
        Some(self.0.float())
    }

    fn short_payload(&mut self) -> Option<&'a [u8]> {
        Some(self.0.bytes())
    }

    fn long_payload(&mut self) -> Option<&'a [u8]> {
        Some(self.0.bytes())
    }

    fn frame(&mut self) -> Option<()> {
        Some(())
    }

    fn any(&mut self) -> Option<Argument<'a>> {
        Some(self.0)
    }

    fn behind(&self) -> &'a [u8] {
        &[]
    }

    fn take(&mut self, _: usize) {}
}

/// The bytes behind an opcode. What was fetched is taken from them.
pub(crate) struct Unread<'a>(pub(crate) &'a [u8]);

impl<'a> Unread<'a> {
    #[inline(always)]
    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    #[inline(always)]
    fn payload(&mut self, len: usize) -> Option<&'a [u8]> {
        let (payload, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(payload)
    }
}

impl<'a> Fetch<'a> for Unread<'a> {
    #[inline(always)]
    fn uint1(&mut self) -> Option<i64> {
        self.number().map(|number| u8::from_le_bytes(number).into())
    }

    #[inline(always)]
    fn uint2(&mut self) -> Option<i64> {
        self.number().map(|number| u16::from_le_bytes(number).into())
    }

    #[inline(always)]
    fn uint4(&mut self) -> Option<i64> {
        self.number().map(|number| u32::from_le_bytes(number).into())
    }

    #[inline(always)]
    fn int4(&mut self) -> Option<i64> {
        self.number().map(|number| i32::from_le_bytes(number).into())
    }

    #[inline(always)]
    fn float8(&mut self) -> Option<f64> {
        self.number().map(f64::from_be_bytes)
    }

    #[inline(always)]
    fn short_payload(&mut self) -> Option<&'a [u8]> {
        let len = self.number().map(u8::from_le_bytes)?;
        self.payload(len.into())
    }

    #[inline(always)]
    fn long_payload(&mut self) -> Option<&'a [u8]> {
        let len = self.number().map(u32::from_le_bytes)?;
        self.payload(len as usize)
    }

    #[inline(always)]
    fn frame(&mut self) -> Option<()> {
        self.number::<8>().map(drop)
    }

    #[inline(always)]
    fn any(&mut self) -> Option<Argument<'a>> {
        None
    }

    #[inline(always)]
    fn behind(&self) -> &'a [u8] {
        self.0
    }

    #[inline(always)]
    fn take(&mut self, size: usize) {
        self.0 = &self.0[size..];
    }
}
