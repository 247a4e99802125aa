//! Fetches the argument of an instruction whose opcode is known.
//!
//! [`Parsed`] has the argument that the [lexer](super::Lexer) has read. [`Raw`] reads the frequent
//! binary arguments from the bytes after the opcode, and returns `None` for any other: then the
//! caller gives the instruction to the lexer. One match over the opcodes serves both.

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
    /// Returns the bytes after the instruction, where the caller may [`skip`](Self::skip) some of
    /// them.
    fn rest(&self) -> &'a [u8];
    /// Skips `size` bytes: instructions that were executed together with this one.
    fn skip(&mut self, size: usize);
}

/// An argument that the lexer has read, of the form that the opcode has.
pub(crate) struct Parsed<'a>(pub(crate) Argument<'a>);

impl<'a> Fetch<'a> for Parsed<'a> {
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

    fn rest(&self) -> &'a [u8] {
        &[]
    }

    fn skip(&mut self, _: usize) {}
}

/// The bytes after an opcode, less what was fetched.
pub(crate) struct Raw<'a>(pub(crate) &'a [u8]);

impl<'a> Raw<'a> {
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

impl<'a> Fetch<'a> for Raw<'a> {
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
    fn rest(&self) -> &'a [u8] {
        self.0
    }

    #[inline(always)]
    fn skip(&mut self, size: usize) {
        self.0 = &self.0[size..];
    }
}
