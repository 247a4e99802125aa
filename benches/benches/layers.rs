//! Times each layer alone, on the pickle in memory.

use std::fs;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use npy_object::header::{self, DType, Field, Header, Padding, Progress as Preamble, Struct};
use npy_object::pickle::{Container, Event, Graph, Lexer, Limits, Machine};
use npy_object::pickle::{Opcode, Progress, Ran, Region, Survey};
use npy_object_benches::WORKS;

/// Returns the pickle of a file.
fn payload(file: Vec<u8>) -> Vec<u8> {
    match header::parse(&file, &header::Limits::default()) {
        Ok(Preamble::Done { length, .. }) => file[length..].to_vec(),
        other => panic!("not a file of generate.py: {other:?}"),
    }
}

/// Goes to the end of a pickle of protocol 4, and returns the number of its instructions: the floor of
/// every layer. It checks nothing. The pickle must be whole, use only these opcodes, and have 8 bytes
/// after its end.
///
/// It has a branch for each width instead of a table of widths, because the processor reads the next
/// instruction ahead where it predicts the branch.
fn walk(pickle: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while let Some(&[opcode, ref number @ ..]) = pickle[at..].first_chunk::<9>() {
        count += 1;
        at += match opcode {
            // PROTO, BININT1, BINGET; BININT2; BININT, LONG_BINGET; FRAME, BINFLOAT.
            0x80 | b'K' | b'h' => 2,
            b'M' => 3,
            b'J' | b'j' => 5,
            0x95 | b'G' => 9,
            // SHORT_BINBYTES, SHORT_BINUNICODE, LONG1; BINBYTES, BINUNICODE.
            b'C' | 0x8c | 0x8a => 2 + usize::from(number[0]),
            b'B' | b'X' => 5 + number.first_chunk().map_or(0, |n| u32::from_le_bytes(*n)) as usize,
            b'.' => break,
            _ => 1,
        };
    }
    count
}

/// Reads every instruction, and returns their number.
fn lex(pickle: &[u8]) -> u64 {
    let mut lexer = Lexer::new(0, &Limits::default());
    let mut count = 0;
    loop {
        match lexer.head(&pickle[lexer.offset() as usize..]).expect("a whole pickle") {
            Progress::Done(head) if head.opcode == Opcode::Stop => return count + 1,
            Progress::Done(_) => count += 1,
            Progress::Need(more) => panic!("{more} bytes are missing"),
        }
    }
}

/// Finds the span of each element batch by batch, as a reader does, and returns their number.
fn survey(pickle: &[u8]) -> usize {
    let list = pickle.iter().position(|&byte| byte == Opcode::EmptyList.byte());
    let list = list.expect("the pickle of an array");
    let mut survey = Survey::new(0, 0, &Limits::default());
    survey.advance(&pickle[..=list]).expect("the start of a pickle");
    survey.watch(survey.slots().len() - 1, Container::List);
    let mut count = 0;
    loop {
        match survey.advance(&pickle[survey.offset() as usize..]).expect("a whole pickle") {
            Event::Batch => count += survey.batch().len(),
            Event::Closed => {}
            Event::Stop => return count,
            Event::Need(more) => panic!("{more} bytes are missing"),
        }
    }
}

/// Builds the graph of the whole pickle in memory that is used again, as a reader does for each element.
fn build(pickle: &[u8], machine: &mut Machine, graph: &mut Graph) {
    graph.clear();
    machine.reset(graph, Region::Own, 0);
    let mut lexer = Lexer::new(0, machine.limits());
    match machine.run(graph, &mut lexer, pickle).expect("a whole pickle") {
        Ran::Stop(_) => {}
        other => panic!("{other:?} before STOP"),
    }
}

/// Times parsing a header of objects, and one of 100 fields.
fn headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layers/header");
    let field = |number: usize| Field {
        name: format!("field {number}"),
        title: None,
        offset: 8 * number,
        dtype: "<f8".parse().expect("a dtype"),
    };
    let fields = Struct::new((0..100).map(field).collect(), 800).expect("fields side by side");
    for (name, dtype) in [("objects", DType::OBJECT), ("100 fields", DType::Struct(fields))] {
        let header = Header::new(dtype, false, vec![1_000_000]);
        let preamble = header.to_bytes(Padding::default()).expect("a header that can be written");
        group.throughput(Throughput::Bytes(preamble.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| header::parse(black_box(&preamble), &header::Limits::default()));
        });
    }
    group.finish();
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layers");
    group.sample_size(10);
    for work in WORKS {
        let pickle = match work.file() {
            Ok(file) => payload(fs::read(file).expect("a file of generate.py")),
            Err(missing) => {
                eprintln!("{missing}");
                continue;
            }
        };
        let padded = [&pickle[..], &[0; 8]].concat();
        let instructions = lex(&pickle);
        assert_eq!(walk(&padded), instructions);
        group.throughput(Throughput::Elements(instructions));
        let id = |layer| BenchmarkId::new(layer, work.name);
        group.bench_function(id("walk"), |bencher| bencher.iter(|| walk(black_box(&padded))));
        group.bench_function(id("lexer"), |bencher| bencher.iter(|| lex(black_box(&pickle))));
        group.bench_function(id("survey"), |bencher| bencher.iter(|| survey(black_box(&pickle))));
        let (mut machine, mut graph) = (Machine::new(&Limits::default()), Graph::new());
        group.bench_function(id("machine"), |bencher| {
            bencher.iter(|| build(black_box(&pickle), &mut machine, &mut graph));
        });
    }
    group.finish();
}

criterion_group!(benches, headers, layers);
criterion_main!(benches);
