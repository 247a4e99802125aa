//! Elements as nodes of a tree: each with its kind and its beginning, and its members on request.

use npy_object::nested::Subscript;
use npy_object::pickle::Global;
use npy_object::{Data, Element, Kind};
use serde::Serialize;

use crate::show::{beginning, describe};

/// Members of a node that are sent at once.
const MOST: usize = 200;

/// An element, or a value inside one.
#[derive(Debug, Serialize)]
pub(super) struct Node {
    /// How its parent names it: a key, an index, the name of a field.
    label: String,
    kind: String,
    /// The beginning of its JSON.
    preview: String,
    /// The number of its members.
    members: usize,
}

/// A node, and some of its members.
#[derive(Debug, Serialize)]
pub(super) struct Branch {
    #[serde(flatten)]
    node: Node,
    /// The number of the first of `nodes`.
    from: usize,
    nodes: Vec<Node>,
}

/// A member of a value.
struct Member<'a> {
    label: String,
    value: Element<'a>,
}

impl<'a> Member<'a> {
    fn new(label: impl Into<String>, value: Element<'a>) -> Member<'a> {
        Member { label: label.into(), value }
    }

    fn to_node(&self) -> Node {
        Node {
            label: self.label.clone(),
            kind: kind_of(self.value),
            preview: beginning(self.value),
            members: members(self.value).size_hint().0,
        }
    }
}

/// Returns the value at a path, of the number of a member on each level.
pub(super) fn descend<'a>(mut value: Element<'a>, path: &[usize]) -> Option<Element<'a>> {
    for &step in path {
        value = members(value).nth(step)?.value;
    }
    Some(value)
}

/// Returns the node of a value with its members from `from` on, at most 200.
pub(super) fn branch(label: String, value: Element<'_>, from: usize) -> Branch {
    let nodes = members(value).skip(from).take(MOST).map(|member| member.to_node()).collect();
    Branch { node: Member::new(label, value).to_node(), from, nodes }
}

/// Returns the kind of a value, with its size, or the class of an object.
pub(super) fn kind_of(value: Element<'_>) -> String {
    let kind = value.kind();
    match &kind {
        Kind::Object(object) => match object.callable().kind() {
            Kind::Global(class) => format!("object of {}", path_of(class)),
            _ => describe(&kind),
        },
        Kind::Global(global) => format!("global {}", path_of(*global)),
        _ => describe(&kind),
    }
}

/// Returns the module and the name of a global.
pub(super) fn path_of(global: Global<'_>) -> String {
    format!("{}.{}", global.module.to_string_lossy(), global.name.to_string_lossy())
}

/// Returns the subscript of a key of a dict; `None` where a path cannot name it.
pub(super) fn subscript(key: Element<'_>) -> Option<Subscript> {
    match key.kind() {
        Kind::Str(text) => text.to_str().map(|text| Subscript::Key(text.to_owned())),
        Kind::Int(int) => Some(Subscript::Index(int)),
        _ => None,
    }
}

/// Returns the members of a value, with an exact lower bound of their number.
fn members<'a>(value: Element<'a>) -> Box<dyn Iterator<Item = Member<'a>> + 'a> {
    let numbered = |name: &'static str| {
        move |(number, value): (usize, Element<'a>)| Member::new(format!("{name}[{number}]"), value)
    };
    let entry = |(key, value): (Element<'a>, Element<'a>)| Member::new(beginning(key), value);
    match value.kind() {
        Kind::List(items)
        | Kind::Tuple(items)
        | Kind::Set(items)
        | Kind::FrozenSet(items)
        | Kind::Deque(items, _) => Box::new(items.enumerate().map(numbered(""))),
        Kind::Dict(entries) | Kind::OrderedDict(entries) | Kind::DefaultDict(_, entries) => {
            Box::new(entries.map(entry))
        }
        Kind::Array(array) => match array.data() {
            Data::Items(items) => {
                let shape = array.shape().to_vec();
                let member = move |(number, value)| Member::new(indices(number, &shape), value);
                Box::new(items.clone().enumerate().map(member))
            }
            Data::Bytes(_) => Box::new(std::iter::empty()),
        },
        Kind::Record(record) => {
            let field = |(name, value): (std::borrow::Cow<'a, str>, _)| Member::new(name, value);
            Box::new(record.fields().into_iter().map(field))
        }
        Kind::Object(object) => {
            let call = [
                Some(Member::new("callable", object.callable())),
                Some(Member::new("arguments", object.args())),
                object.kwargs().map(|kwargs| Member::new("keywords", kwargs)),
            ];
            let call: Vec<_> = call.into_iter().flatten().collect();
            let states = object.states().enumerate().map(numbered("state"));
            let appended = object.appended().enumerate().map(numbered("append"));
            let items = object.items().map(entry);
            let added = object.added().enumerate().map(numbered("add"));
            Box::new(call.into_iter().chain(states).chain(appended).chain(items).chain(added))
        }
        Kind::PersistentId(id) => Box::new(std::iter::once(Member::new("id", id))),
        _ => Box::new(std::iter::empty()),
    }
}

/// Returns the indices of an item, as Python writes them.
pub(super) fn indices(mut number: usize, shape: &[usize]) -> String {
    let mut indices = vec![0; shape.len()];
    for (index, &length) in indices.iter_mut().zip(shape).rev() {
        *index = number % length.max(1);
        number /= length.max(1);
    }
    let indices: Vec<_> = indices.iter().map(usize::to_string).collect();
    format!("[{}]", indices.join(", "))
}

#[cfg(test)]
mod tests {
    use npy_object::{Options, Source};

    use super::*;

    fn value(pickle: &'static [u8], check: impl FnOnce(Element<'_>)) {
        let whole = Options::new().load(Source::bytes(pickle)).unwrap();
        check(whole.element());
    }

    #[test]
    fn branch_has_the_members_from_a_number_on() {
        // {'a': [1, 2], 2: None}
        value(b"}(X\x01\0\0\0a](K\x01K\x02eK\x02Nu.", |dict| {
            let root = branch("x".to_owned(), dict, 0);
            assert_eq!((root.node.members, root.node.kind.as_str()), (2, "dict of 2"));
            let labels: Vec<_> = root.nodes.iter().map(|node| node.label.as_str()).collect();
            assert_eq!(labels, ["\"a\"", "2"]);
            assert_eq!(branch(String::new(), dict, 1).nodes[0].kind, "None");
            assert!(branch(String::new(), dict, 9).nodes.is_empty());
            assert_eq!(descend(dict, &[0, 1]).unwrap().as_i64().unwrap(), 2);
            assert!(descend(dict, &[0, 2]).is_none());
            assert!(descend(dict, &[0, 1, 0]).is_none());
        });
    }

    #[test]
    fn object_of_an_unknown_class_shows_its_call() {
        // copyreg-free: cat.Dog(3), with the state {'name': 'Rex'}
        value(b"ccat\nDog\n(K\x03tR}X\x04\0\0\0nameX\x03\0\0\0Rexsb.", |object| {
            assert_eq!(kind_of(object), "object of cat.Dog");
            let labels: Vec<_> = branch(String::new(), object, 0).nodes;
            let labels: Vec<_> = labels.iter().map(|node| node.label.as_str()).collect();
            assert_eq!(labels, ["callable", "arguments", "state[0]"]);
        });
    }

    #[test]
    fn cyclic_value_has_a_path_of_any_length() {
        // x = []; x.append(x)
        value(b"]q\0h\0a.", |list| {
            assert_eq!(kind_of(descend(list, &[0; 256]).unwrap()), "list of 1");
        });
    }

    #[test]
    fn indices_are_those_of_the_shape() {
        assert_eq!(indices(5, &[2, 3]), "[1, 2]");
        assert_eq!(indices(7, &[9]), "[7]");
        assert_eq!(indices(0, &[]), "[]");
        assert_eq!(indices(3, &[0, 2]), "[0, 1]");
    }
}
