//! Elements that are written are what they were where they were read.

use std::io::Cursor;

use std::collections::HashMap;

use npy_object::header::Padding;
use npy_object::json::ElementReader;
use npy_object::pickle::{self, Kind, NodeId, ValueRef};
use npy_object::{ArrayClass, ErrorKind, NpyArray, Options, Result, WriteOptions, json};

use serde::Deserialize;
use serde_json::Value;

use crate::fixtures::{Fixture, fixtures, line, typed_lines};

/// What contains itself is written otherwise by CPython's pickler when it is an element: what that
/// makes and drops first is no part of the element.
const MADE_BEFORE: [&str; 2] = ["cycles/frozenset-", "cycles/long-tuple-"];

/// Those that have objects and can be read to the end.
fn whole() -> impl Iterator<Item = (Fixture, Vec<u8>, NpyArray)> {
    fixtures().into_iter().filter_map(|fixture| {
        let bytes = fixture.bytes();
        let array = fixture.options().open(bytes.clone()).ok()?;
        let is_whole = typed_lines(&bytes, fixture.options()).1.is_none();
        (array.has_objects() && is_whole).then_some((fixture, bytes, array))
    })
}

/// The protocol that a fixture can be copied in.
fn protocol(fixture: &Fixture, bytes: &[u8], array: &NpyArray) -> u8 {
    match &bytes[array.data_offset() as usize..] {
        [0x80, protocol, ..] if fixture.is_by_python_3 => *protocol,
        _ => 5,
    }
}

fn lines(array: &mut NpyArray) -> Vec<String> {
    array.elements().map(|element| line(element.expect("an element").element())).collect()
}

/// Which objects the elements of an array have, which is pickled as a whole: numbers in the order
/// in which they are met, with the elements in the order of `numbers`. Strings are not looked at,
/// which nobody can change.
fn identities(pickle: &[u8], numbers: &[u64]) -> Vec<usize> {
    let decoded = pickle::decode(pickle, &pickle::Limits::default()).expect("a pickle");
    let Kind::Object(array) = decoded.value().kind() else { panic!("no array") };
    let Kind::Tuple(state) = array.states().next().expect("a state").kind() else { panic!() };
    let elements: Vec<ValueRef<'_>> = state
        .filter_map(|value| match value.kind() {
            Kind::List(items) => Some(items),
            _ => None,
        })
        .next()
        .expect("a list of elements")
        .collect();
    let mut met: HashMap<NodeId, usize> = HashMap::from([(decoded.value().id(), 0)]);
    let mut order = Vec::new();
    for &number in numbers {
        let mut left = vec![elements[number as usize]];
        while let Some(value) = left.pop() {
            let parts: Vec<ValueRef<'_>> = match value.kind() {
                Kind::Tuple(items) | Kind::List(items) => items.collect(),
                Kind::Set(items) | Kind::FrozenSet(items) => items.collect(),
                Kind::Dict(entries) => entries.flat_map(|(key, value)| [key, value]).collect(),
                Kind::Object(object) => {
                    let items = object.items().flat_map(|(key, value)| [key, value]);
                    let parts = [object.callable(), object.args()].into_iter();
                    parts.chain(object.states()).chain(object.appended()).chain(items).collect()
                }
                Kind::ByteArray(_) => Vec::new(),
                _ => continue,
            };
            let new = met.len();
            let number = *met.entry(value.id()).or_insert(new);
            order.push(number);
            if number == new {
                left.extend(parts);
            }
        }
    }
    order
}

#[test]
fn copy_of_a_file_has_the_same_elements() {
    let mut same = 0;
    for (fixture, bytes, mut array) in whole() {
        let protocol = protocol(&fixture, &bytes, &array);
        let mut copy = Cursor::new(Vec::new());
        let options = WriteOptions::like(&mut array).unwrap().protocol(protocol);
        let mut writer = options.write_to(&mut copy).unwrap();
        writer.copy_from(&mut array).elements(..).unwrap();
        writer.finish().unwrap();

        let copy = copy.into_inner();
        let mut written = fixture.options().open(copy.clone()).unwrap();
        assert_eq!(written.shape(), array.shape(), "{}", fixture.file);
        assert_eq!(lines(&mut written), lines(&mut array), "{}", fixture.file);
        assert_eq!(written.data_end().unwrap(), copy.len() as u64, "{}", fixture.file);
        let numbers: Vec<u64> = (0..array.len()).collect();
        assert_eq!(
            identities(&copy[written.data_offset() as usize..], &numbers),
            identities(&bytes[array.data_offset() as usize..], &numbers),
            "{}",
            fixture.file
        );
        let can_be_same = fixture.is_by_python_3
            && bytes[array.data_offset() as usize..].starts_with(&[0x80, protocol])
            && array.class() != Some(ArrayClass::Masked)
            && !MADE_BEFORE.iter().any(|name| fixture.file.starts_with(name));
        if can_be_same {
            let end = array.data_end().unwrap() as usize;
            assert!(copy == bytes[..end], "{}", fixture.file);
            same += 1;
        }
    }
    assert!(same > 1000, "{same} files");
}

/// What they share with elements that are not there comes with them.
#[test]
fn any_elements_in_any_order_can_be_copied() {
    for (fixture, bytes, mut array) in whole() {
        let protocol = protocol(&fixture, &bytes, &array);
        let all = lines(&mut array);
        let last = all.len().saturating_sub(1) as u64;
        let backwards: Vec<u64> = (0..=last).rev().collect();
        let every_second: Vec<u64> = (0..=last).rev().step_by(2).collect();
        let twice: Vec<u64> = (0..=last).rev().chain(0..=last).collect();
        for numbers in [&backwards, &every_second, &twice, &vec![last]] {
            if all.is_empty() {
                continue;
            }
            let mut copy = Cursor::new(Vec::new());
            let options = WriteOptions::like(&mut array).unwrap().any_length().protocol(protocol);
            let mut writer = options.write_to(&mut copy).unwrap();
            let mut copying = writer.copy_from(&mut array);
            for &number in numbers {
                copying.elements(number..=number).unwrap();
            }
            writer.finish().unwrap();
            let copy = copy.into_inner();
            let mut written = fixture.options().open(copy.clone()).unwrap();
            if numbers == &backwards {
                let in_order: Vec<u64> = (0..array.len()).collect();
                assert_eq!(
                    identities(&copy[written.data_offset() as usize..], &in_order),
                    identities(&bytes[array.data_offset() as usize..], numbers),
                    "{}",
                    fixture.file
                );
            }
            let expected: Vec<&String> = numbers.iter().map(|&n| &all[n as usize]).collect();
            assert_eq!(
                lines(&mut written).iter().collect::<Vec<_>>(),
                expected,
                "{}",
                fixture.file
            );
        }
    }
}

/// Appends each element alone, so every element has its own copy of a definition.
#[test]
fn appended_element_is_read_back() {
    for (fixture, _, mut array) in whole() {
        let mut copy = Cursor::new(Vec::new());
        let options = WriteOptions::like(&mut array).unwrap().protocol(5);
        let mut writer = options.write_to(&mut copy).unwrap();
        let mut expected = Vec::new();
        while let Some(element) = array.next_element().unwrap() {
            expected.push(line(element));
            writer.append(element).unwrap();
        }
        writer.finish().unwrap();
        let mut written = fixture.options().open(copy.into_inner()).unwrap();
        assert_eq!(lines(&mut written), expected, "{}", fixture.file);
    }
}

/// Of a structured scalar by itself the lines do not say the dtype.
const SAYS_NO_DTYPE: &str = "scalars/void-with-objects-";

#[test]
fn typed_json_is_read_again() {
    let mut compared = 0;
    for (fixture, bytes, array) in whole() {
        let (lines, _) = typed_lines(&bytes, fixture.options());
        let header = json::read_header(&lines[0]).unwrap().expect("the first line");
        if array.to_header() != header || fixture.file.starts_with(SAYS_NO_DTYPE) {
            continue;
        }
        let mut file = Cursor::new(Vec::new());
        let options = WriteOptions::new().protocol(protocol(&fixture, &bytes, &array));
        let mut writer = options.header(&header).write_to(&mut file).unwrap();
        let mut reader = ElementReader::new();
        for line in &lines[1..] {
            let written = reader.append(&mut writer, line);
            written.unwrap_or_else(|error| panic!("{}: {error}", fixture.file));
        }
        writer.finish().unwrap();
        let (written, error) = typed_lines(&file.into_inner(), fixture.options());
        assert!(written == lines && error.is_none(), "{}: {error:?}", fixture.file);
        compared += 1;
    }
    assert!(compared > 2500, "{compared} files");
}

/// Typed JSON in which the objects that are marked as shared are numbered in the order in which
/// they come, and how many marks there are.
fn marked_lines(array: &mut NpyArray) -> (Vec<Value>, usize) {
    fn renumber(value: &mut Value, numbers: &mut HashMap<u64, usize>, marks: &mut usize) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(|item| renumber(item, numbers, marks));
            }
            Value::Object(object) => {
                if let Some([number, _]) = object.get_mut("shared").map(mark) {
                    let next = numbers.len();
                    let entry = number.as_u64().expect("the number of an object");
                    *number = (*numbers.entry(entry).or_insert(next)).into();
                    *marks += 1;
                }
                object.values_mut().for_each(|value| renumber(value, numbers, marks));
            }
            _ => {}
        }
    }
    let (mut numbers, mut marks) = (HashMap::new(), 0);
    let mut lines = lines(array);
    let lines = lines.iter_mut().map(|line| {
        let mut value = json_of(line);
        renumber(&mut value, &mut numbers, &mut marks);
        value
    });
    (lines.collect(), marks)
}

fn json_of(line: &str) -> Value {
    let mut reader = serde_json::Deserializer::from_str(line);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).expect("a line of JSON")
}

fn mark(value: &mut Value) -> &mut [Value; 2] {
    let parts = value.as_array_mut().expect("a number and a value");
    parts.as_mut_slice().try_into().expect("a number and a value")
}

/// The line as it is without marks.
fn unmarked(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(unmarked).collect(),
        Value::Object(mut object) => match object.remove("shared") {
            Some(mut shared) => unmarked(mark(&mut shared)[1].take()),
            None => object.into_iter().map(|(name, value)| (name, unmarked(value))).collect(),
        },
        other => other,
    }
}

#[test]
fn shared_objects_in_typed_json_are_shared_again() {
    let (mut files, mut all) = (0, 0);
    for (fixture, bytes, mut array) in whole() {
        let plain: Vec<Value> = lines(&mut array).iter().map(|line| json_of(line)).collect();
        array.seek(0);
        array.mark_shared();
        let typed = lines(&mut array);
        array.seek(0);
        let (marked, marks) = marked_lines(&mut array);
        assert!(marked.iter().cloned().map(unmarked).eq(plain), "{}", fixture.file);
        if marks == 0 || fixture.file.starts_with(SAYS_NO_DTYPE) {
            continue;
        }
        let mut file = Cursor::new(Vec::new());
        let options = WriteOptions::new().protocol(protocol(&fixture, &bytes, &array));
        let mut writer = options.header(&array.to_header()).write_to(&mut file).unwrap();
        let mut reader = ElementReader::new();
        typed.iter().for_each(|line| reader.append(&mut writer, line).unwrap());
        writer.finish().unwrap();
        let mut written = fixture.options().open(file.into_inner()).unwrap();
        written.mark_shared();
        assert!(marked_lines(&mut written).0 == marked, "{}", fixture.file);
        (files, all) = (files + 1, all + marks);
    }
    assert!(files > 200 && all > 600, "{all} marks in {files} files");
}

/// Arrays without objects, in every order, shape and byte order.
#[test]
fn typed_json_is_read_again_as_rows() {
    let mut compared = 0;
    for fixture in fixtures() {
        let bytes = fixture.bytes();
        let (lines, error) = typed_lines(&bytes, fixture.options());
        let Ok(array) = fixture.options().open(bytes.clone()) else { continue };
        let header = array.to_header();
        if array.has_objects() || error.is_some() || header.to_bytes(Padding::Growable).is_err() {
            continue;
        }
        let mut file = Cursor::new(Vec::new());
        let options = WriteOptions::new().header(&header);
        let mut writer = options.write_rows_to(&mut file).unwrap();
        for line in &lines[1..] {
            let row = json::read_row(line, &header);
            let written = row.and_then(|row| writer.append(&row));
            written.unwrap_or_else(|error| panic!("{}: {error}", fixture.file));
        }
        writer.finish().unwrap();
        let file = file.into_inner();
        assert_eq!(typed_lines(&file, fixture.options()).0, lines, "{}", fixture.file);
        let items = header.nbytes().unwrap() as usize;
        let begin = array.data_offset() as usize;
        assert!(file.ends_with(&bytes[begin..begin + items]), "{}", fixture.file);
        compared += 1;
    }
    assert!(compared > 100, "{compared} files");
}

/// A row in another array is an array, or a scalar, as it is when it is read.
#[test]
fn rows_are_appended_as_elements() {
    let mut compared = 0;
    for fixture in fixtures() {
        let Ok(mut array) = fixture.options().open(fixture.bytes()) else { continue };
        if array.has_objects() {
            continue;
        }
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
        let mut expected = Vec::new();
        while let Ok(Some(row)) = array.next_element() {
            expected.push(line(row));
            writer.append(row).unwrap();
        }
        writer.finish().unwrap();
        let mut written = Options::new().open(file.into_inner()).unwrap();
        assert_eq!(lines(&mut written), expected, "{}", fixture.file);
        compared += 1;
    }
    assert!(compared > 100, "{compared} files");
}

#[test]
fn fewer_elements_may_come_than_were_announced() -> Result<()> {
    for most in [1, 2, 255, 256, 65_536, 1 << 31] {
        for count in [0, 1, 3].into_iter().filter(|count| *count <= most) {
            let mut file = Cursor::new(Vec::new());
            let mut writer = WriteOptions::new().up_to(most).write_to(&mut file)?;
            for number in 0..count {
                writer.append_with(|build| build.int(number as i64))?;
            }
            writer.finish()?;
            let mut array = Options::new().open(file.into_inner())?;
            assert_eq!(array.shape(), [count]);
            assert_eq!(lines(&mut array).len(), count);
        }
    }
    // All of them make the same file as without the leave.
    let [with, without] =
        [WriteOptions::new().up_to(1), WriteOptions::new().shape(&[1])].map(|options| {
            let mut file = Cursor::new(Vec::new());
            let mut writer = options.write_to(&mut file).unwrap();
            writer.append_with(|build| build.int(7)).unwrap();
            writer.finish().unwrap();
            file.into_inner()
        });
    assert!(with == without);
    Ok(())
}

#[test]
fn element_that_does_not_fit_is_refused() -> Result<()> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().shape(&[2]).write_to(&mut file)?;
    for _ in 0..2 {
        writer.append_with(|build| build.int(1))?;
    }
    let error = writer.append_with(|build| build.int(1)).unwrap_err();
    assert_eq!((error.kind(), error.clause()), (ErrorKind::Usage, "npy.object.count"));
    // That was one too many; those before it are written.
    writer.finish()?;

    let mut writer = WriteOptions::new().up_to(0).write_to(Cursor::new(Vec::new()))?;
    let error = writer.append_with(|build| build.int(1)).unwrap_err();
    assert_eq!(error.clause(), "npy.object.count");

    // An array of other bytes than the shape says, and one with objects.
    let (f4, object) = ("<f4".parse()?, "|O".parse()?);
    let mut writer = WriteOptions::new().write_to(Cursor::new(Vec::new()))?;
    for (dtype, shape, bytes) in [(&f4, &[2][..], 4), (&f4, &[1 << 62, 4], 0), (&object, &[1], 8)] {
        let error = writer.append_array(dtype, shape, false, &vec![0; bytes]).unwrap_err();
        assert_eq!(error.clause(), "access.type");
    }
    let rows = |shape: &[usize]| {
        let options = WriteOptions::new().dtype("<f4".parse()?).shape(shape);
        options.write_rows_to(Cursor::new(Vec::new()))
    };
    assert_eq!(rows(&[1 << 62, 4]).err().unwrap().clause(), "npy.header.shape");
    assert_eq!(rows(&[0, 1 << 62, 4]).err().unwrap().clause(), "npy.header.shape");
    let mut writer = rows(&[1])?;
    assert_eq!(writer.append(&[0; 3]).unwrap_err().clause(), "access.type");
    writer.append(&[0; 4])?;
    assert_eq!(writer.append(&[0; 4]).unwrap_err().clause(), "npy.object.count");
    assert_eq!(rows(&[2])?.finish().unwrap_err().clause(), "npy.object.count");
    let objects = WriteOptions::new().write_rows_to(Cursor::new(Vec::new()));
    assert_eq!(objects.err().unwrap().clause(), "access.type");

    let writer = WriteOptions::new().shape(&[2]).write_to(Cursor::new(Vec::new()))?;
    assert_eq!(writer.finish().unwrap_err().clause(), "npy.object.count");
    let error = WriteOptions::new().protocol(1).write_to(Cursor::new(Vec::new())).err().unwrap();
    assert_eq!(error.clause(), "pickle.protocol");
    Ok(())
}
