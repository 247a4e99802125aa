//! The disassembler shows every stream.

use pickle_stream::{Disassembler, Lexer, Progress};
use proptest::prelude::*;

use crate::support::streams::{config, small_limits, stream};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn instruction_of_any_stream_is_one_line(mut stream in stream()) {
        let limits = small_limits();
        // From every byte on, most of which are no instruction of the pickle.
        while !stream.is_empty() {
            let (mut lexer, mut disassembler) = (Lexer::new(0, &limits), Disassembler::new(&limits));
            while let Ok(Progress::Done(instruction)) = lexer.instruction(&stream[lexer.offset() as usize..]) {
                let Ok(line) = disassembler.line(&instruction) else { break };
                prop_assert!(!line.to_string().contains('\n'));
                prop_assert!(line.abbreviate(3).to_string().len() < 400);
            }
            stream.remove(0);
        }
    }
}
