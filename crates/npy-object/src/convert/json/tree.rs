//! A [`Node`] of a tree as JSON, through serde.
//!
//! ```text
//! {"count":1,"text":"dict of 2","sorts":[{"count":1,"name":"dict","dtype":null,"shape":null,"lengths":[2,2]}],
//!  "bytes":34,"entries":[{"key":"'train'","step":"['train']","node":{...}},...]}
//! ```
//!
//! Keys that would be empty are left out. `step` is what a path has for the entry; `null` where a path
//! cannot lead there.

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::Value;

use crate::convert::json::typed::write_dtype;
use crate::nested::{Entry, Key, Node, Sort};
use crate::value::dtype::ItemType;

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("text", &self.to_string())?;
        map.serialize_entry("sorts", &self.sorts)?;
        if let Some(bytes) = self.bytes {
            map.serialize_entry("bytes", &bytes)?;
        }
        if let Some(value) = &self.value {
            map.serialize_entry("value", value)?;
        }
        if !self.entries.is_empty() {
            map.serialize_entry("entries", &self.entries)?;
        }
        if self.more > 0 {
            map.serialize_entry("more", &self.more)?;
        }
        if let Some(items) = &self.items {
            map.serialize_entry("items", items)?;
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", &error.to_string())?;
        }
        map.end()
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let step = match &self.key {
            Key::Subscript(subscript) => Some(format!("[{subscript}]")),
            _ => None,
        };
        let mut entry = serializer.serialize_struct("Entry", 3)?;
        entry.serialize_field("key", &self.key.to_string())?;
        entry.serialize_field("step", &step)?;
        entry.serialize_field("node", &self.node)?;
        entry.end()
    }
}

impl Serialize for Sort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sort = serializer.serialize_struct("Sort", 5)?;
        sort.serialize_field("count", &self.count)?;
        sort.serialize_field("name", &self.name)?;
        let dtype = self.item.as_ref().map(dtype_as_json).transpose();
        sort.serialize_field("dtype", &dtype.map_err(S::Error::custom)?)?;
        sort.serialize_field("shape", &self.shape)?;
        sort.serialize_field("lengths", &self.lengths)?;
        sort.end()
    }
}

/// Returns a dtype as typed JSON.
fn dtype_as_json(item: &ItemType) -> serde_json::Result<Value> {
    let ItemType::Plain(dtype) = item else { return Ok(Value::from("StringDType()")) };
    let mut json = Vec::new();
    write_dtype(&mut json, dtype).map_err(serde_json::Error::io)?;
    serde_json::from_slice(&json)
}
