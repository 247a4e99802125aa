//! Salvage of files that were cut off: every element of a closed batch is kept and nothing that may
//! be a part of an element; with `keep_doubtful`, every element before the cut.

use std::io::Cursor;

use npy_object::json::TypedJson;
use npy_object::nested::{At, ContainerKind, Path};
use npy_object::pickle::{
    Container, Event, Lexer, Limits, MemoEffect, Opcode, Progress, Span, Survey,
};
use npy_object::{Kind, Options, Salvage, Salvaged, Source, WriteOptions};
use proptest::prelude::*;

use crate::fixtures::{Fixture, fixtures, line, typed_lines};
use crate::pickler::pickled_list;

/// Where the elements are in a file that a Python 3 has pickled in protocol 2 or later, each with
/// the offset at which its batch ends.
fn spans(file: &[u8], pickle: usize) -> Option<Vec<(Span, u64)>> {
    let (mut lexer, mut memo) = (Lexer::new(pickle as u64, &Limits::default()), 0);
    let mut last = Opcode::None;
    let mut in_list = false;
    loop {
        let offset = lexer.offset();
        let Ok(Progress::Done(instruction)) = lexer.instruction(&file[offset as usize..]) else {
            return None;
        };
        let opcode = instruction.opcode;
        let is_put = matches!(opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize);
        memo += u64::from(is_put);
        if in_list && is_put {
            break;
        }
        // The flag for the order is before the list.
        in_list = matches!(last, Opcode::NewFalse | Opcode::NewTrue) && opcode == Opcode::EmptyList;
        last = opcode;
    }
    let mut survey = Survey::resume(lexer.offset(), memo, Container::List, &Limits::default());
    let mut spans = Vec::new();
    // Instructions after the list reach below the stack with which this survey began.
    while survey.advance(&file[survey.offset() as usize..]) == Ok(Event::Batch) {
        let end = survey.offset();
        spans.extend(survey.batch().iter().map(|&span| (span, end)));
    }
    Some(spans)
}

fn salvage(fixture: &Fixture, bytes: &[u8], doubtful: bool) -> Option<(Vec<String>, Salvaged)> {
    let array = fixture.options().open(bytes.to_vec()).ok()?;
    // Of an array without dimensions entries are saved, which are no elements.
    if array.shape().is_empty() {
        return None;
    }
    let mut saved = Cursor::new(Vec::new());
    let salvage = Salvage::new().options(fixture.options()).keep_doubtful(doubtful);
    let source = Source::bytes(bytes.to_vec());
    let salvaged = salvage.write_to(source, &mut saved).expect("written to memory");
    let mut saved = fixture.options().open(saved.into_inner()).expect("a valid file");
    assert_eq!(saved.len(), salvaged.elements);
    let lines = saved.elements().map(|element| line(element.expect("an element").element()));
    Some((lines.collect(), salvaged))
}

/// Whether something may yet come of an element that is the last one.
fn is_open(line: &str) -> bool {
    const EMPTY: [&str; 4] = ["[]", "{\"dict\":[]}", "{\"set\":[]}", "{\"ordereddict\":[]}"];
    const BEGUN: [&str; 4] = ["{\"global\"", "{\"call\"", "{\"new\"", "{\"dtype\""];
    EMPTY.contains(&line)
        || BEGUN.iter().any(|begin| line.starts_with(begin))
        || line.starts_with("{\"defaultdict\"") && line.ends_with(",[]]}")
}

/// Compares the elements saved at every cut with the elements before it.
fn check(fixture: &Fixture, bytes: &[u8]) -> Option<usize> {
    let array = fixture.options().open(bytes.to_vec()).ok()?;
    let pickle = array.data_offset() as usize;
    if !array.has_objects() || !bytes[pickle..].starts_with(&[0x80]) {
        return None;
    }
    let spans = spans(bytes, pickle)?;
    let (lines, error) = typed_lines(bytes, fixture.options());
    if error.is_some() || spans.len() + 1 != lines.len() {
        return None;
    }
    let elements = &lines[1..];
    for cut in pickle..bytes.len() {
        let whole = spans.iter().take_while(|(span, _)| span.end <= cut as u64).count();
        let closed = spans.iter().take_while(|&&(_, end)| end <= cut as u64).count();
        let Some((certain, salvaged)) = salvage(fixture, &bytes[..cut], false) else { continue };
        assert!(
            certain[..] == elements[..closed],
            "{} cut at {cut}: {certain:?} {salvaged:?}",
            fixture.file
        );
        let (all, _) = salvage(fixture, &bytes[..cut], true).expect("it was opened before");
        let kept = all.len().min(whole);
        assert!(
            all[..kept] == elements[..kept] && (kept == whole || is_open(&elements[kept])),
            "{} cut at {cut}, where {whole} are whole: {all:?}",
            fixture.file
        );
    }
    Some(bytes.len() - pickle)
}

/// Cuts one in so many of the fixtures at every byte.
fn check_one_in(step: usize) -> usize {
    let mut chosen = fixtures();
    chosen.retain(|fixture| fixture.is_by_python_3);
    let chosen = chosen.iter().step_by(step).map(|fixture| (fixture, fixture.bytes()));
    let small = chosen.filter(|(_, bytes)| bytes.len() < 3000);
    small.filter_map(|(fixture, bytes)| check(fixture, &bytes)).sum()
}

#[test]
fn every_element_before_a_cut_is_saved() {
    let cuts = check_one_in(23);
    assert!(cuts > 10_000, "{cuts} cuts");
}

#[test]
#[ignore = "takes minutes"]
fn every_element_before_any_cut_is_saved() {
    let cuts = check_one_in(1);
    assert!(cuts > 500_000, "{cuts} cuts");
}

/// What `salvage` writes of a file, and what it says.
fn salvaged(salvage: &Salvage, file: &[u8]) -> (Vec<u8>, Salvaged) {
    let mut saved = Cursor::new(Vec::new());
    let report = salvage.write_to(Source::bytes(file.to_vec()), &mut saved).unwrap();
    (saved.into_inner(), report)
}

/// The array of ints that `salvage` writes of a file, and what it says.
fn salvaged_ints(salvage: &Salvage, file: &[u8]) -> (Vec<i64>, Salvaged) {
    let (saved, report) = salvaged(salvage, file);
    let mut saved = Options::new().open(saved).unwrap();
    let ints = saved.elements().map(|element| element.unwrap().element().as_i64().unwrap());
    (ints.collect(), report)
}

/// An array of the ints up to a number.
fn ints(count: i64, options: WriteOptions) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = options.write_to(&mut file).unwrap();
    for number in 0..count {
        writer.append_with(|build| build.int(number)).unwrap();
    }
    writer.finish().unwrap();
    file.into_inner()
}

#[test]
fn values_of_an_unfinished_batch_are_doubtful() {
    let file = ints(2500, WriteOptions::new());
    for (cut, closed) in [(6000, 0), (4500, 1000), (10, 2000)] {
        let file = &file[..file.len() - cut];
        let (certain, report) = salvaged_ints(&Salvage::new(), file);
        assert_eq!(certain, (0..closed).collect::<Vec<_>>());
        assert!(report.broken_off.is_some() && report.doubtful > 0, "{report:?}");
        let (all, with_doubtful) = salvaged_ints(&Salvage::new().keep_doubtful(true), file);
        assert_eq!(all, (0..closed + report.doubtful as i64).collect::<Vec<_>>());
        assert_eq!(with_doubtful.doubtful, 0);
    }
}

#[test]
fn parts_of_a_nested_tuple_are_not_kept() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().shape(&[5]).write_to(&mut file).unwrap();
    for _ in 0..5 {
        let nested = |build: &mut npy_object::pickle::Builder| {
            let mut tuple = build.none();
            for number in (1..=30).rev() {
                let number = build.int(number)?;
                tuple = build.tuple(&[number, tuple])?;
            }
            Ok::<_, npy_object::pickle::Error>(tuple)
        };
        writer.append_with(nested).unwrap();
    }
    writer.finish().unwrap();
    let file = file.into_inner();
    // Between the ints of the third, which wait on the stack.
    let third = file.windows(4).enumerate().filter(|(_, bytes)| bytes == b"K\x01K\x02");
    let third = third.map(|(offset, _)| offset).nth(2).unwrap();
    for cut in [third + 6, third + 60] {
        let (saved, report) = salvaged(&Salvage::new(), &file[..cut]);
        assert_eq!((report.elements, report.promised), (0, Some(5)));
        assert!(report.is_nothing() && report.doubtful > 2);
        assert!(Options::new().open(saved).unwrap().is_empty());
    }
}

#[test]
fn a_whole_array_keeps_its_shape() {
    for shape in [&[6][..], &[3, 2], &[3, 2, 1], &[0, 4]] {
        let count = shape.iter().product::<usize>() as i64;
        let file = ints(count, WriteOptions::new().shape(shape));
        let (saved, report) = salvaged(&Salvage::new(), &file);
        assert_eq!(saved, file);
        assert!(report.is_whole());
    }
    // Of one that is not whole, the elements come in one dimension.
    let file = ints(3000, WriteOptions::new().shape(&[1500, 2]));
    let (saved, report) = salvaged(&Salvage::new(), &file[..file.len() - 10]);
    assert_eq!(Options::new().open(saved).unwrap().shape(), [2000]);
    assert!(!report.is_whole());
}

#[test]
fn unfinished_values_come_before_the_error() {
    let file = ints(1500, WriteOptions::new());
    let file = &file[..file.len() - 10];
    let seen = |unfinished| {
        let mut array = Options::new().unfinished(unfinished).open(file.to_vec()).unwrap();
        let mut in_parallel = 0;
        let outcome = array.clone().fold_parallel(
            2,
            || 0,
            |count, _| *count += 1,
            |count| {
                in_parallel += count;
                std::ops::ControlFlow::Continue(())
            },
        );
        assert_eq!(outcome.unwrap_err().clause(), "pickle.truncated");
        let mut elements = array.elements();
        let ints: Vec<_> = elements.by_ref().map_while(Result::ok).collect();
        for (number, int) in ints.iter().enumerate() {
            assert_eq!(int.element().as_i64().unwrap(), number as i64);
        }
        assert_eq!(ints.len(), in_parallel);
        // A far one first, too.
        let mut other = Options::new().unfinished(unfinished).open(file.to_vec()).unwrap();
        assert_eq!(other.get(1200).is_ok(), unfinished);
        assert!(other.get(ints.len() as u64).unwrap_err().to_string().contains("`salvage`"));
        ints.len() as u64
    };
    let (_, report) = salvaged_ints(&Salvage::new().keep_doubtful(true), file);
    assert_eq!((seen(false), seen(true)), (1000, report.elements));
    assert!(report.elements > 1490);
}

#[test]
fn the_error_of_a_truncated_file_names_salvage() {
    let file = ints(1500, WriteOptions::new());
    let mut array = Options::new().open(file[..file.len() - 10].to_vec()).unwrap();
    let error = array.elements().find_map(Result::err).unwrap();
    assert!(error.to_string().contains("; `salvage` saves the elements that are whole (at byte"));
    // It is no part of what happened.
    assert!(!error.message().contains("salvage"));
    // Where nothing can be saved, it is not named.
    let error = Options::new().open(file[..150].to_vec()).unwrap_err();
    assert!(!error.to_string().contains("salvage"), "{error}");
    let error = array.data_end().unwrap_err();
    assert!(error.to_string().contains("salvage"), "{error}");
    // The report of a salvage does not send its reader there again.
    let (_, report) = salvaged_ints(&Salvage::new(), &file[..file.len() - 10]);
    assert!(!report.broken_off.unwrap().to_string().contains("salvage"));
}

#[test]
fn rows_that_are_whole_are_saved() {
    let options = || WriteOptions::new().dtype("<i2".parse().unwrap()).shape(&[3, 2]);
    let mut file = Cursor::new(Vec::new());
    let mut writer = options().write_rows_to(&mut file).unwrap();
    (0..3u8).for_each(|row| writer.append(&[row, 0, row, 1]).unwrap());
    writer.finish().unwrap();
    let file = file.into_inner();
    assert_eq!(salvaged(&Salvage::new(), &file).0, file);
    let (saved, report) = salvaged(&Salvage::new(), &file[..file.len() - 1]);
    assert_eq!((report.elements, report.promised), (2, Some(3)));
    let mut saved = Options::new().open(saved).unwrap();
    assert_eq!(saved.shape(), [2, 2]);
    assert_eq!(saved.get(1).unwrap().unwrap().as_array::<i16>().unwrap().data(), [1, 257]);
}

#[test]
fn a_file_is_not_written_over_itself_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let [file, other, link] = ["a.npy", "b.npy", "c.npy"].map(|name| folder.path().join(name));
    std::fs::write(&file, ints(1500, WriteOptions::new())).unwrap();
    std::fs::hard_link(&file, &link).unwrap();
    for output in [&file, &link, &folder.path().join("./a.npy")] {
        let error = Salvage::new().file(&file, output).unwrap_err();
        assert_eq!(error.clause(), "access.in_place");
    }
    assert_eq!(Salvage::new().file(&file, &other).unwrap().elements, 1500);
    assert_eq!(Salvage::new().in_place(true).file(&file, &file).unwrap().elements, 1500);
}

#[test]
fn nothing_saved_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("saved.npy");
    let file = ints(100, WriteOptions::new());
    let source = Source::bytes(file[..file.len() - 10].to_vec());
    let report = Salvage::new().write(source, &output).unwrap();
    assert!(report.is_nothing() && report.doubtful > 90);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The members of what a container file holds, as typed JSON, and the error after them.
fn members(file: &[u8], unfinished: bool) -> (Vec<String>, Option<npy_object::Error>) {
    let options = Options::new().unfinished(unfinished);
    let mut lines = Vec::new();
    let at = options.at(Source::bytes(file.to_vec()), &Path::default());
    let At::Container(mut container) = (match at {
        Ok(at) => at,
        Err(error) => return (lines, Some(error)),
    }) else {
        return (lines, None);
    };
    loop {
        match container.next_member() {
            Ok(Some(member)) => {
                let mut line = Vec::new();
                TypedJson::new().write_member(&mut line, member).expect("written to memory");
                lines.push(String::from_utf8(line).unwrap());
            }
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

#[test]
fn entries_of_a_truncated_container_are_saved_in_one() {
    let dict = |count| {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WriteOptions::new().shape(&[]).write_to(&mut file).unwrap();
        let dict = |build: &mut npy_object::pickle::Builder| {
            let mut entries = Vec::new();
            for number in 0..count {
                entries.extend([build.str(&format!("k{number}"))?, build.int(number)?]);
            }
            build.dict(&entries)
        };
        writer.append_with(dict).unwrap();
        writer.finish().unwrap();
        file.into_inner()
    };
    let file = dict(2500);
    let (all, error) = members(&file, false);
    assert!((all.len(), error.is_none()) == (2500, true));
    for (cut, kept) in [(10, 2000), (file.len() / 2, 1000), (0, 2500)] {
        let broken = &file[..file.len() - cut];
        let (saved, report) = salvaged(&Salvage::new(), broken);
        assert_eq!((report.elements, report.is_whole()), (kept, cut == 0));
        assert_eq!(Options::new().open(saved.clone()).unwrap().shape(), [0; 0]);
        let (lines, error) = members(&saved, false);
        assert!(error.is_none() && lines[..] == all[..kept as usize]);
    }
    assert_eq!(salvaged(&Salvage::new(), &dict(2500)).0, file);
}

#[test]
fn a_container_that_is_a_part_of_an_element_is_not_taken_for_it() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().shape(&[]).write_to(&mut file).unwrap();
    let pair = |build: &mut npy_object::pickle::Builder| {
        let (one, two) = (build.int(1)?, build.int(2)?);
        let list = build.list(&[one, two])?;
        build.tuple(&[list, one])
    };
    writer.append_with(pair).unwrap();
    writer.finish().unwrap();
    let file = file.into_inner();
    assert_eq!(salvaged(&Salvage::new(), &file).0, file);
}

/// Cuts bare pickles of every kind of container.
#[test]
fn bare_pickle_is_salvaged_as_its_container() {
    // pickle.dumps(CONTAINER(range(5)), 4), in batches of two.
    for (pickle, kind, closed) in [
        (&b"\x80\x04]\x94(K\x00K\x01e(K\x02K\x03eK\x04a."[..], ContainerKind::List, 4),
        (b"\x80\x04\x8f\x94(K\x00K\x01\x90(K\x02K\x03\x90(K\x04\x90.", ContainerKind::Set, 4),
        (b"\x80\x04}\x94(K\x00NK\x01Nu(K\x02NK\x03NuK\x04Ns.", ContainerKind::Dict, 4),
        (b"\x80\x04(K\x00K\x01K\x02K\x03K\x04t\x94.", ContainerKind::Tuple, 0),
        (
            b"\x80\x04ccollections\nOrderedDict\n\x94)R\x94(K\x00NK\x01Nu(K\x02NK\x03NuK\x04Ns.",
            ContainerKind::OrderedDict,
            4,
        ),
    ] {
        let (all, error) = members(pickle, false);
        assert!(all.len() == 5 && error.is_none(), "{kind:?}");
        let check = |saved: Vec<u8>, count: u64| {
            let mut array = Options::new().open(saved.clone()).unwrap();
            assert_eq!(array.shape(), [0; 0]);
            let element = array.get_owned(0).unwrap().unwrap();
            assert_eq!(element.element().kind().name(), kind.name());
            if let Kind::Tuple(items) = element.element().kind() {
                assert_eq!(items.len() as u64, count);
            } else if count > 0 {
                assert_eq!(members(&saved, false).0, all[..count as usize], "{kind:?}");
            }
        };
        let (saved, report) = salvaged(&Salvage::new(), pickle);
        assert!(report.is_whole() && report.elements == 5, "{kind:?} {report:?}");
        check(saved, 5);
        // Before what takes the last member.
        let broken = &pickle[..pickle.len() - if kind == ContainerKind::Tuple { 3 } else { 2 }];
        let (lines, error) = members(broken, false);
        assert_eq!(lines, all[..closed as usize]);
        assert!(error.unwrap().to_string().contains("`salvage`"), "{kind:?}");
        let (saved, report) = salvaged(&Salvage::new(), broken);
        assert_eq!((report.elements, report.is_whole()), (closed, false), "{kind:?}");
        check(saved, closed);
    }
    let cut = b"\x80\x04(K\x00K\x01K\x02K\x03K";
    assert_eq!(salvaged(&Salvage::new(), cut).1.doubtful, 4);
    let (lines, _) = members(cut, true);
    assert_eq!(lines.len(), 4);
    assert_eq!(salvaged(&Salvage::new().keep_doubtful(true), cut).1.elements, 4);
}

proptest! {
    /// However a list is pickled and wherever it is cut, what is kept are its first elements.
    #[test]
    fn salvage_of_a_cut_list_keeps_its_first_elements(pickle in pickled_list()) {
        let (all, error) = members(&pickle, false);
        prop_assume!(error.is_none());
        for cut in 0..pickle.len() {
            let cut = &pickle[..cut];
            let (lines, error) = members(cut, false);
            prop_assert!(all.starts_with(&lines));
            prop_assert!(error.is_some());
            let mut saved = Cursor::new(Vec::new());
            let Ok(report) = Salvage::new().write_to(Source::bytes(cut.to_vec()), &mut saved) else {
                continue;
            };
            prop_assert_eq!(report.elements, lines.len() as u64);
            let (kept, error) = members(saved.get_ref(), false);
            prop_assert!(error.is_none());
            prop_assert_eq!(&kept, &lines);
        }
    }
}

#[test]
fn a_damaged_element_is_left_out() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().protocol(2).write_to(&mut file).unwrap();
    for text in ["one", "two", "three"] {
        writer.append_with(|build| build.str(text)).unwrap();
    }
    writer.finish().unwrap();
    let mut file = file.into_inner();
    let two = file.windows(3).position(|bytes| bytes == b"two").unwrap();
    file[two] = 0xff;
    // The preamble is gone too.
    file[..64].fill(0);
    let (saved, salvaged) = salvaged(&Salvage::new(), &file);
    assert_eq!((salvaged.elements, salvaged.promised, salvaged.damaged_count), (2, Some(3), 1));
    assert_eq!((salvaged.damaged[0].0, salvaged.damaged[0].1.clause()), (1, "pickle.utf8"));
    let mut saved = Options::new().open(saved).unwrap();
    assert_eq!(saved.get(1).unwrap().unwrap().as_str().unwrap(), "three");
}
