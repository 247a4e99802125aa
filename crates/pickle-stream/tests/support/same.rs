//! Whether values of two graphs are the same: in content, and in which objects they share.

use std::collections::HashMap;

use pickle_stream::{Kind, NodeId, ValueRef};

/// Compares pairs of values, the left ones of one graph and the right ones of another. Returns the
/// first difference in words, and `None` where a program cannot tell the left values from the
/// right.
///
/// An object on the left must be the same object on the right wherever it occurs. Numbers, `None`
/// and bools are compared by value alone: a graph may keep numbers without nodes, and they cannot
/// change.
pub(crate) fn difference(pairs: &[(ValueRef<'_>, ValueRef<'_>)]) -> Option<String> {
    let mut left_to_right: HashMap<NodeId, NodeId> = HashMap::new();
    let mut right_to_left: HashMap<NodeId, NodeId> = HashMap::new();
    // A stack of its own, as values nest to any depth.
    let mut open: Vec<_> = pairs.iter().rev().copied().collect();
    while let Some((left, right)) = open.pop() {
        let [(left_content, left_parts), (right_content, right_parts)] = [left, right].map(parts);
        if left_content != right_content {
            return Some(format!("{left_content} is not {right_content}"));
        }
        if matches!(left.kind(), Kind::None | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_)) {
            continue;
        }
        let seen = left_to_right.insert(left.id(), right.id());
        match (seen, right_to_left.insert(right.id(), left.id())) {
            (None, None) => open.extend(left_parts.into_iter().zip(right_parts).rev()),
            (Some(seen), _) if seen == right.id() => {}
            _ => return Some(format!("{left_content} is shared with other values")),
        }
    }
    None
}

/// Returns the content of a value, with the number of its parts, and the parts.
fn parts(value: ValueRef<'_>) -> (String, Vec<ValueRef<'_>>) {
    let of = |name: &str, parts: Vec<_>| (format!("{name} of {}", parts.len()), parts);
    let leaf = |content: String| (content, Vec::new());
    match value.kind() {
        // The sign and the payload of a NaN count.
        Kind::Float(float) => leaf(format!("Float({float:?}, {:#x})", float.to_bits())),
        Kind::Long(long) => leaf(format!("Long({:?})", long.as_le_bytes())),
        Kind::Str(text) => leaf(format!("Str({:?})", text.as_bytes())),
        Kind::Global(global) => {
            leaf(format!("Global({:?})", [global.module.as_bytes(), global.name.as_bytes()]))
        }
        Kind::Tuple(items) => of("Tuple", items.collect()),
        Kind::List(items) => of("List", items.collect()),
        Kind::Set(items) => of("Set", items.collect()),
        Kind::FrozenSet(items) => of("FrozenSet", items.collect()),
        Kind::Dict(entries) => of("Dict", entries.into_items().collect()),
        Kind::PersistentId(id) => of("PersistentId", vec![id]),
        Kind::Object(object) => {
            let groups = [
                vec![object.callable(), object.args()],
                object.kwargs().into_iter().collect(),
                object.states().collect(),
                object.appended().collect(),
                object.items().into_items().collect(),
                object.added().collect(),
            ];
            let sizes = groups.each_ref().map(Vec::len);
            (format!("Object({:?}) of {sizes:?}", object.construct()), groups.concat())
        }
        other => leaf(format!("{other:?}")),
    }
}
