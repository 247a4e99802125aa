//! What is saved of a file that was cut off: elements, nothing else, and all that lie before the cut.

use std::io::Cursor;

use npy_object::pickle::{
    Container, Event, Lexer, Limits, MemoEffect, Opcode, Progress, Span, Survey,
};
use npy_object::{Options, Salvage, Salvaged, Source, WriteOptions};

use crate::fixtures::{Fixture, fixtures, line, typed_lines};

/// Where the elements lie in a file that a Python 3 has pickled in protocol 2 or later.
fn spans(file: &[u8], pickle: usize) -> Option<Vec<Span>> {
    let (mut lexer, mut memo) = (Lexer::new(pickle as u64, &Limits::default()), 0);
    let mut last = Opcode::None;
    let mut begun = false;
    loop {
        let place = lexer.offset();
        let Ok(Progress::Done(instruction)) = lexer.instruction(&file[place as usize..]) else {
            return None;
        };
        let opcode = instruction.opcode;
        let is_put = matches!(opcode.info().memo, MemoEffect::Put | MemoEffect::Memoize);
        memo += u64::from(is_put);
        if begun && is_put {
            break;
        }
        // The flag for the order stands before the list.
        begun = matches!(last, Opcode::NewFalse | Opcode::NewTrue) && opcode == Opcode::EmptyList;
        last = opcode;
    }
    let mut survey = Survey::resume(lexer.offset(), memo, Container::List, &Limits::default());
    let mut spans = Vec::new();
    // What is behind the list reaches below where this survey began.
    while survey.advance(&file[survey.offset() as usize..]) == Ok(Event::Batch) {
        spans.extend_from_slice(survey.batch());
    }
    Some(spans)
}

fn salvage(fixture: &Fixture, bytes: &[u8], doubtful: bool) -> Option<(Vec<String>, Salvaged)> {
    let mut array = fixture.options().read_bytes(bytes.to_vec()).ok()?;
    let mut saved = Cursor::new(Vec::new());
    let salvage = Salvage::new().keep_doubtful(doubtful);
    let salvaged = salvage.write_to(&mut array, &mut saved).expect("written to memory");
    let mut saved = fixture.options().read_bytes(saved.into_inner()).expect("a valid file");
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

/// Holds what is saved at every cut against what lies before it.
fn check(fixture: &Fixture, bytes: &[u8]) -> Option<usize> {
    let array = fixture.options().read_bytes(bytes.to_vec()).ok()?;
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
        let whole = spans.iter().take_while(|span| span.end <= cut as u64).count();
        let Some((certain, salvaged)) = salvage(fixture, &bytes[..cut], false) else { continue };
        // Nothing but elements, and no more than there are.
        assert!(elements.starts_with(&certain), "{} cut at {cut}: {certain:?}", fixture.file);
        // All but those that something may yet come of.
        assert!(certain.len() + 8 >= whole, "{} cut at {cut}: {salvaged:?}", fixture.file);
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

#[test]
fn all_but_the_last_values_of_a_batch_are_certain() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WriteOptions::new().write_to(&mut file).unwrap();
    for number in 0..2500 {
        writer.append_with(|build| build.int(number)).unwrap();
    }
    writer.finish().unwrap();
    let file = file.into_inner();
    for cut in (file.len() - 6000..file.len()).step_by(501) {
        let salvage = |doubtful| {
            let bytes = file[..cut].to_vec();
            let mut array = Salvage::open(Options::new(), Source::bytes(bytes)).unwrap();
            let mut saved = Cursor::new(Vec::new());
            let salvage = Salvage::new().keep_doubtful(doubtful);
            let salvaged = salvage.write_to(&mut array, &mut saved).unwrap();
            let mut saved = Options::new().read_bytes(saved.into_inner()).unwrap();
            for number in 0..salvaged.elements {
                let element = saved.get(number).unwrap().unwrap();
                assert_eq!(element.as_i64().unwrap(), number as i64);
            }
            salvaged
        };
        let (certain, all) = (salvage(false), salvage(true));
        assert!(all.elements > 0 && all.broken_off.is_some() && all.doubtful == 0);
        assert_eq!(certain.elements + certain.doubtful, all.elements);
        assert!(certain.doubtful <= 8, "{certain:?}");
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
    let mut array = Salvage::open(Options::new(), Source::bytes(file)).unwrap();
    let mut saved = Cursor::new(Vec::new());
    let salvaged = Salvage::new().write_to(&mut array, &mut saved).unwrap();
    assert_eq!((salvaged.elements, salvaged.promised, salvaged.damaged_count), (2, 3, 1));
    assert_eq!((salvaged.damaged[0].0, salvaged.damaged[0].1.clause()), (1, "pickle.utf8"));
    let mut saved = Options::new().read_bytes(saved.into_inner()).unwrap();
    assert_eq!(saved.get(1).unwrap().unwrap().as_str().unwrap(), "three");
}
