//! A column of texts of which many are the same: each text once, and its number for each row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array, LargeStringArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};

use crate::decode::memo_cache::MemoCache;

/// A column of texts in a dictionary.
pub(super) struct Dictionary {
    keys: Vec<i32>,
    nulls: NullBufferBuilder,
    /// The texts, which are checked for UTF-8 when the column is finished, and where each ends.
    values: Vec<u8>,
    ends: Vec<i64>,
    /// The key of each text.
    known: HashMap<Box<[u8]>, i32>,
    /// The key of the text of a memo entry.
    of_memo: MemoCache<i32>,
}

impl Dictionary {
    pub(super) fn new() -> Dictionary {
        Dictionary {
            keys: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            values: Vec::new(),
            ends: vec![0],
            known: HashMap::new(),
            of_memo: MemoCache::default(),
        }
    }

    pub(super) fn data_type() -> DataType {
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8))
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the number of bytes that the column takes, without its nulls.
    pub(super) fn bytes(&self) -> usize {
        4 * self.keys.len() + self.values.len() + 8 * self.ends.len()
    }

    pub(super) fn append(&mut self, text: &[u8]) {
        let key = self.key_of(text);
        self.append_key(key);
    }

    /// Appends the text of a memo entry, which is the same for the whole column.
    pub(super) fn append_of_memo(&mut self, memo: u64, text: &str) {
        let key = match self.of_memo.get(memo) {
            Some(key) => *key,
            None => {
                let key = self.key_of(text.as_bytes());
                self.of_memo.insert(memo, key);
                key
            }
        };
        self.append_key(key);
    }

    pub(super) fn append_null(&mut self) {
        self.keys.push(0);
        self.nulls.append_null();
    }

    fn append_key(&mut self, key: i32) {
        self.keys.push(key);
        self.nulls.append_non_null();
    }

    /// Returns the key of a text, which is added if it is not there.
    fn key_of(&mut self, text: &[u8]) -> i32 {
        if let Some(key) = self.known.get(text) {
            return *key;
        }
        // A key that is out of range is an error when the column is finished.
        let key = i32::try_from(self.known.len()).unwrap_or(-1);
        self.known.insert(text.into(), key);
        self.values.extend_from_slice(text);
        self.ends.push(self.values.len() as i64);
        key
    }

    /// Returns the array of the column. Fails where a text is not UTF-8.
    pub(super) fn finish(self) -> Result<DictionaryArray<Int32Type>, ArrowError> {
        let Dictionary { keys, mut nulls, values, ends, .. } = self;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let values = LargeStringArray::try_new(offsets, values.into(), None)?;
        let keys = Int32Array::try_new(keys.into(), nulls.finish())?;
        DictionaryArray::try_new(keys, Arc::new(values))
    }
}
