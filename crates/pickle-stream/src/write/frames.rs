//! The bytes of a pickle, in frames from protocol 4 on.
//!
//! A frame ends before a value if it has at least 64 KiB, and before a payload of at least 64 KiB,
//! which is outside of frames (`_Pickler_OpcodeBoundary` and `_Pickler_write_bytes` in
//! `Modules/_pickle.c`).

use alloc::vec::Vec;

use crate::opcode::Opcode;

/// The bytes of a frame after which the next value begins another one: `FRAME_SIZE_TARGET`.
const FULL: usize = 64 << 10;

/// The bytes that a frame has at least: `FRAME_SIZE_MIN`.
const SHORTEST: usize = 4;

/// The bytes of FRAME and its argument.
const HEADER: usize = 9;

#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    is_framed: bool,
    /// Where the open frame begins in `bytes`, with its header, which is filled in when it ends.
    open: Option<usize>,
    /// The number of bytes taken.
    taken: u64,
}

/// A state to go back to, as long as no bytes are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved {
    len: usize,
    open: Option<usize>,
    /// The content of a frame that is too short to keep its header.
    short: [u8; SHORTEST],
}

impl Frames {
    pub(super) fn new(protocol: u8) -> Frames {
        let bytes = [Opcode::Proto as u8, protocol].to_vec();
        Frames { bytes, is_framed: protocol >= 4, open: None, taken: 0 }
    }

    /// Returns the number of bytes written, with those taken.
    pub(crate) fn len(&self) -> u64 {
        self.taken + self.bytes.len() as u64
    }

    /// Returns the bytes that are final: all but those of an open frame.
    pub(super) fn ready(&self) -> &[u8] {
        &self.bytes[..self.open.unwrap_or(self.bytes.len())]
    }

    /// Drops the bytes that are final.
    pub(super) fn take(&mut self) {
        let ready = self.ready().len();
        self.taken += ready as u64;
        self.bytes.drain(..ready);
        self.open = self.open.map(|_| 0);
    }

    /// Drops all bytes, also those of an open frame.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.open, self.taken) = (None, 0);
    }

    /// Returns the state.
    pub(super) fn save(&self) -> Saved {
        let mut short = [0; SHORTEST];
        let begin = self.open.map_or(self.bytes.len(), |open| open + HEADER);
        short.iter_mut().zip(&self.bytes[begin..]).for_each(|(kept, &byte)| *kept = byte);
        Saved { len: self.bytes.len(), open: self.open, short }
    }

    /// Drops the bytes that were written after a state.
    pub(super) fn go_back(&mut self, to: Saved) {
        let Saved { len, open, short } = to;
        self.open = open;
        if let Some(begin) = open.map(|open| open + HEADER)
            && len - begin < SHORTEST
        {
            self.bytes.truncate(begin - HEADER);
            self.bytes.extend_from_slice(&[0; HEADER]);
            self.bytes.extend_from_slice(&short[..len - begin]);
        }
        self.bytes.truncate(len);
    }

    /// Writes bytes into the open frame, or into a new one.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.is_framed && self.open.is_none() {
            self.open = Some(self.bytes.len());
            self.bytes.extend_from_slice(&[0; HEADER]);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes an opcode with the length of its payload, and the payload.
    #[inline]
    pub(super) fn write_payload(&mut self, head: &[u8], payload: &[u8]) {
        if payload.len() >= FULL {
            self.close();
            self.bytes.extend_from_slice(head);
            self.bytes.extend_from_slice(payload);
        } else {
            self.write(head);
            self.bytes.extend_from_slice(payload);
        }
    }

    /// Returns the bytes up to the size at which the open frame, or else the next one, is full.
    pub(super) fn room(&self) -> usize {
        let held = self.open.map_or(0, |open| self.bytes.len() - open - HEADER);
        FULL.saturating_sub(held)
    }

    /// Ends the frame if it is full. Called before each value.
    #[inline]
    pub(super) fn boundary(&mut self) {
        if self.open.is_some_and(|open| self.bytes.len() - open - HEADER >= FULL) {
            self.close();
        }
    }

    /// Ends the open frame, if there is one.
    pub(super) fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let begin = open + HEADER;
        let len = self.bytes.len() - begin;
        if len < SHORTEST {
            self.bytes.drain(open..begin);
            return;
        }
        self.bytes[open] = Opcode::Frame as u8;
        self.bytes[open + 1..begin].copy_from_slice(&(len as u64).to_le_bytes());
    }
}
