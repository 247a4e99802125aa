//! The ways to read a value that are fast, against those that read every value: they give the same
//! value or the same error, and count the same, also where the count ends in the middle.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use npy_header::{ByteOrder, DType, Scalar, ScalarKind};
use pickle_stream::Limits;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::{Value as Json, json};

use super::array::{Block, Bytes};
use super::deserializer::{Value, Wanted};
use super::*;
use crate::value::kind::Kind;

/// A value that is read by [`Whole::visit_other`] alone. Its members are not.
struct Reference<'a, 'de>(Whole<'a, 'de>);

impl<'de> Value<'de> for Reference<'_, 'de> {
    fn visit<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        self.0.visit_other(wanted, visitor)
    }

    fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.visit_enum(visitor)
    }
}

/// The value or the error of reading a `T`, and the count that is left.
fn outcome<T: Debug>(count: usize, read: impl FnOnce(&Open<'_>) -> Result<T>) -> (String, usize) {
    let left = Cell::new(count);
    let read = read(&Open::outermost(&left));
    (format!("{read:?}"), left.get())
}

/// Compares two ways to read a `T`, with every count up to that at which there is no error.
fn compare<T: Debug>(
    fast: impl Fn(&Open<'_>) -> Result<T>,
    reference: impl Fn(&Open<'_>) -> Result<T>,
) {
    const MOST: usize = 10_000;
    let (_, left) = outcome(MOST, &reference);
    for count in (0..=MOST - left).chain([MOST]) {
        let expected = outcome(count, &reference);
        assert_eq!(outcome(count, &fast), expected, "{count} values");
    }
}

fn deserialize<'de, T: Deserialize<'de>>(value: impl Value<'de>) -> Result<T> {
    T::deserialize(ValueDeserializer(value))
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Fields {
    a: i64,
    #[serde(default)]
    b: Option<String>,
    #[serde(default)]
    c: Vec<f32>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
enum Choice {
    A,
    B(i64),
    C { a: Option<f64> },
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Wrapped<T>(T);

/// A sequence of which errors are members too.
#[derive(Debug)]
#[allow(dead_code)]
struct Tolerant(Vec<std::result::Result<i8, String>>);

impl<'de> Deserialize<'de> for Tolerant {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Tolerant, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Tolerant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("members")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut members: A,
            ) -> std::result::Result<Tolerant, A::Error> {
                let mut read = Vec::new();
                while let Some(member) = members.next_element().transpose() {
                    read.push(member.map_err(|error| error.to_string()));
                }
                Ok(Tolerant(read))
            }
        }

        deserializer.deserialize_seq(Members)
    }
}

/// Calls a generic function once with each type.
macro_rules! with_each_type {
    ($function:ident($($argument:expr),*)) => {
        with_each_type! {
            $function($($argument),*),
            (), bool, i64, u8, f64, char, String, Json, IgnoredAny,
            Option<i64>, Option<Vec<i64>>, Option<Option<Json>>,
            Vec<i64>, Vec<u8>, Vec<f64>, Vec<String>, Vec<Json>, Vec<IgnoredAny>,
            Vec<Option<i64>>, Vec<Option<Option<f32>>>, Vec<Vec<i64>>, [i64; 2], (i64, f64),
            BTreeMap<String, i64>, BTreeMap<i64, Json>,
            Fields, Choice, Vec<Choice>, Wrapped<Vec<Wrapped<Option<String>>>>, Tolerant,
        }
    };
    ($function:ident $arguments:tt, $($type:ty,)*) => {
        $($function::<$type> $arguments;)*
    };
}

/// A Python value.
#[derive(Clone, Debug)]
enum Python {
    None,
    Bool(bool),
    Int(i64),
    Long([u8; 9]),
    Float(f64),
    Str(String),
    LoneSurrogate,
    Bytes(Vec<u8>),
    Complex(f64, f64),
    Class,
    Tuple(Vec<Python>),
    List(Vec<Python>),
    Set(Vec<Python>),
    Dict(Vec<(Python, Python)>),
    OrderedDict(Vec<(Python, Python)>),
}

impl Python {
    fn pickle(&self) -> Vec<u8> {
        let mut pickle = b"\x80\x04".to_vec();
        self.write(&mut pickle);
        pickle.push(b'.');
        pickle
    }

    fn write(&self, to: &mut Vec<u8>) {
        let with_length = |to: &mut Vec<u8>, opcode: u8, bytes: &[u8]| {
            to.push(opcode);
            to.extend((bytes.len() as u32).to_le_bytes());
            to.extend(bytes);
        };
        match self {
            Python::None => to.push(b'N'),
            Python::Bool(value) => to.push(if *value { 0x88 } else { 0x89 }),
            Python::Int(int) => match i32::try_from(*int) {
                Ok(int) => {
                    to.push(b'J');
                    to.extend(int.to_le_bytes());
                }
                Err(_) => {
                    to.extend([0x8a, 8]);
                    to.extend(int.to_le_bytes());
                }
            },
            Python::Long(bytes) => {
                to.extend([0x8a, 9]);
                to.extend(bytes);
            }
            Python::Float(float) => {
                to.push(b'G');
                to.extend(float.to_be_bytes());
            }
            Python::Str(text) => with_length(to, b'X', text.as_bytes()),
            Python::LoneSurrogate => with_length(to, b'X', b"a\xed\xa0\x80"),
            Python::Bytes(bytes) => with_length(to, b'B', bytes),
            Python::Complex(real, imaginary) => {
                to.extend(b"cbuiltins\ncomplex\n");
                Python::Tuple(vec![Python::Float(*real), Python::Float(*imaginary)]).write(to);
                to.push(b'R');
            }
            Python::Class => to.extend(b"cos\nsystem\n"),
            Python::Tuple(members) => Python::write_all(members, b"(", b"t", to),
            Python::List(members) => Python::write_all(members, b"](", b"e", to),
            Python::Set(members) => Python::write_all(members, b"\x8f(", b"\x90", to),
            Python::Dict(entries) => Python::write_entries(entries, b"}(", to),
            Python::OrderedDict(entries) => {
                Python::write_entries(entries, b"ccollections\nOrderedDict\n)R(", to);
            }
        }
    }

    fn write_all(members: &[Python], before: &[u8], after: &[u8], to: &mut Vec<u8>) {
        to.extend(before);
        members.iter().for_each(|member| member.write(to));
        to.extend(after);
    }

    fn write_entries(entries: &[(Python, Python)], before: &[u8], to: &mut Vec<u8>) {
        to.extend(before);
        for (key, value) in entries {
            key.write(to);
            value.write(to);
        }
        to.push(b'u');
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ABCabc]?", "[a-z]{0,200}", ".*"]
}

fn value() -> impl Strategy<Value = Python> {
    let leaf = prop_oneof![
        Just(Python::None),
        any::<bool>().prop_map(Python::Bool),
        any::<i64>().prop_map(Python::Int),
        (-2i64..300).prop_map(Python::Int),
        any::<[u8; 9]>().prop_map(Python::Long),
        any::<f64>().prop_map(Python::Float),
        text().prop_map(Python::Str),
        Just(Python::LoneSurrogate),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Python::Bytes),
        (any::<f64>(), any::<f64>()).prop_map(|(real, imaginary)| Python::Complex(real, imaginary)),
        Just(Python::Class),
        prop::collection::vec((-2i64..300).prop_map(Python::Int), 0..40).prop_map(Python::List),
        prop::collection::vec(any::<f64>().prop_map(Python::Float), 0..40).prop_map(Python::List),
    ];
    let hashable = prop_oneof![
        3 => text().prop_map(Python::Str),
        1 => (0i64..3).prop_map(Python::Int),
        1 => Just(Python::None),
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        let members = prop::collection::vec(inner.clone(), 0..4);
        let entries = prop::collection::vec((hashable.clone(), inner), 0..4);
        let set = prop::collection::vec(hashable.clone(), 0..3);
        prop_oneof![
            members.clone().prop_map(Python::Tuple),
            members.prop_map(Python::List),
            set.prop_map(Python::Set),
            entries.clone().prop_map(Python::Dict),
            entries.prop_map(Python::OrderedDict),
        ]
    })
}

/// Calls a function with the value of a pickle.
fn with_value<T>(pickle: &[u8], read: impl FnOnce(Element<'_>) -> T) -> T {
    let context = Context::new(&Options::new());
    let decoded = pickle_stream::decode(pickle, &Limits::default()).expect("a pickle");
    read(Element::new(decoded.value(), &context))
}

fn compare_with_reference<'de, T: Deserialize<'de> + Debug>(element: Element<'de>) {
    compare::<T>(
        |open| deserialize(Whole { element, open }),
        |open| deserialize(Reference(Whole { element, open })),
    );
}

fn compare_elements<T: for<'de> Deserialize<'de> + Debug>(
    fast: Element<'_>,
    reference: Element<'_>,
) {
    compare::<T>(
        |open| deserialize(Whole { element: fast, open }),
        |open| deserialize(Whole { element: reference, open }),
    );
}

/// Compares a list whose numbers are unboxed with the same list of nodes.
fn compare_run(numbers: &[Python]) {
    let one_by_one: Vec<u8> = {
        let mut pickle = b"\x80\x04]".to_vec();
        for number in numbers {
            number.write(&mut pickle);
            pickle.push(b'a');
        }
        pickle.push(b'.');
        pickle
    };
    let unboxed = |element: Element<'_>| match element.kind() {
        Kind::List(items) => items.raw().as_ints().is_some() || items.raw().as_floats().is_some(),
        _ => false,
    };
    with_value(&Python::List(numbers.to_vec()).pickle(), |fast| {
        with_value(&one_by_one, |reference| {
            assert!(unboxed(fast) && !unboxed(reference));
            with_each_type!(compare_elements(fast, reference));
        });
    });
}

/// Compares an array with one of the same items none of which is masked, whose items are therefore
/// read one at a time.
fn compare_block<T: for<'de> Deserialize<'de> + Debug>(shape: &[usize], items: Bytes<'_>) {
    let none = vec![0; shape.iter().product()];
    compare::<T>(
        |open| deserialize(Block { shape, items, mask: None, open }),
        |open| deserialize(Block { shape, items, mask: Some(&none), open }),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn value_is_read_as_by_the_reference(value in value()) {
        with_value(&value.pickle(), |element| {
            with_each_type!(compare_with_reference(element));
            compare_with_reference::<&str>(element);
            compare_with_reference::<&[u8]>(element);
            compare_with_reference::<Vec<&str>>(element);
        });
    }

    #[test]
    fn text_is_read_as_by_the_reference(text in text()) {
        with_value(&Python::Str(text).pickle(), |element| {
            with_each_type!(compare_with_reference(element));
            compare_with_reference::<&str>(element);
        });
    }

    #[test]
    fn unboxed_ints_are_read_as_values(ints in prop::collection::vec(-129i64..300, 16..40)) {
        compare_run(&ints.into_iter().map(Python::Int).collect::<Vec<_>>());
    }

    #[test]
    fn unboxed_floats_are_read_as_values(floats in prop::collection::vec(any::<f64>(), 16..40)) {
        compare_run(&floats.into_iter().map(Python::Float).collect::<Vec<_>>());
    }

    #[test]
    fn row_of_numbers_is_read_as_its_items(
        (kind, size) in prop::sample::select(vec![
            (ScalarKind::Bool, 1),
            (ScalarKind::Int, 1),
            (ScalarKind::Int, 2),
            (ScalarKind::Int, 4),
            (ScalarKind::Int, 8),
            (ScalarKind::Uint, 1),
            (ScalarKind::Uint, 2),
            (ScalarKind::Uint, 4),
            (ScalarKind::Uint, 8),
            (ScalarKind::Float, 2),
            (ScalarKind::Float, 4),
            (ScalarKind::Float, 8),
            (ScalarKind::Float, 16),
            (ScalarKind::Complex, 8),
            (ScalarKind::Complex, 16),
            (ScalarKind::Bytes, 3),
            (ScalarKind::Void, 0),
            (ScalarKind::Void, 2),
        ]),
        is_big: bool,
        shape in prop::collection::vec(0usize..4, 0..3),
        seed in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let order = match (kind, size) {
            (ScalarKind::Int | ScalarKind::Uint | ScalarKind::Float | ScalarKind::Complex, 2..) => {
                if is_big { ByteOrder::Big } else { ByteOrder::Little }
            }
            _ => ByteOrder::NotApplicable,
        };
        let dtype = &DType::Scalar(Scalar::new(kind, order, size).expect("a dtype"));
        let length = shape.iter().product::<usize>() * size;
        let bytes: Vec<u8> = seed.into_iter().cycle().take(length).collect();
        with_each_type!(compare_block(&shape, Bytes { dtype, bytes: &bytes }));
    }
}

#[test]
fn plain_array_is_read_as_any_array() {
    let mut array = crate::open("tests/data/ragged.npy").expect("a file");
    while let Some(element) = array.next_element().expect("a whole file") {
        let owned = element.into_owned(Context::new(&Options::new()).into());
        with_each_type!(compare_elements(element, owned.element()));
    }
}

#[test]
fn number_of_each_dtype_is_its_value() {
    use ScalarKind as K;
    for (kind, little, expected) in [
        (K::Bool, &[1][..], json!(true)),
        (K::Int, &[0xff], json!(-1)),
        (K::Int, &[0xff; 2], json!(-1)),
        (K::Int, &[0xff; 4], json!(-1)),
        (K::Int, &[0xff; 8], json!(-1)),
        (K::Uint, &[0xff], json!(u8::MAX)),
        (K::Uint, &[0xff; 2], json!(u16::MAX)),
        (K::Uint, &[0xff; 4], json!(u32::MAX)),
        (K::Uint, &[0xff; 8], json!(u64::MAX)),
        (K::Float, &[0, 0x3e], json!(1.5)),
        (K::Float, &1.5f32.to_le_bytes(), json!(1.5)),
        (K::Float, &1.5f64.to_le_bytes(), json!(1.5)),
    ] {
        let size = little.len();
        let order = if size == 1 { ByteOrder::NotApplicable } else { ByteOrder::Little };
        let dtype = &DType::Scalar(Scalar::new(kind, order, size).expect("a dtype"));
        let items = Bytes { dtype, bytes: little };
        let left = Cell::new(0);
        let open = &Open::outermost(&left);
        let block = Block { shape: &[1], items, mask: None, open };
        assert_eq!(deserialize::<Json>(block).expect("a number"), json!([expected]));
    }
}
