//! The generator writes well-formed programs and files, and uses every opcode.

mod support;

use std::collections::BTreeSet;

use npy_object::Options;
use npy_object_fuzz_bodies::program::{file, list, long_file, long_list, program};
use pickle_stream::{Lexer, Limits, Opcode, Progress, decode};
use support::seeded;

#[test]
fn generated_programs_decode_and_use_every_opcode() {
    let (mut opcodes, mut readable) = (BTreeSet::new(), 0);
    for seed in 0..2000 {
        let choices = seeded(seed, 200);
        for stream in [program(&choices), list(&choices), long_list(&choices)] {
            let decoded = decode(&stream, &Limits::default());
            let decoded = decoded.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(decoded.end(), stream.len() as u64);
            let limits = Limits::default();
            let mut lexer = Lexer::new(0, &limits);
            while let Progress::Done(instruction) =
                lexer.instruction(&stream[lexer.offset() as usize..]).unwrap()
            {
                opcodes.insert(instruction.opcode);
            }
        }
        for file in [file(&choices), long_file(&choices)] {
            let Ok(mut array) = Options::new().open(file) else { continue };
            readable += usize::from(array.elements().all(|element| element.is_ok()));
        }
    }
    assert_eq!(opcodes, BTreeSet::from(Opcode::ALL));
    // The reader refuses the others, because one of their elements changes another, or overwrites a
    // memo entry.
    assert!(readable > 1800, "{readable} of 4000");
}
