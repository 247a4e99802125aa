//! Runs every fuzz target on stable Rust, on its corpus and on programs of fixed seeds.

mod support;

use std::fs;
use std::path::Path;

use npy_object_fuzz_bodies::targets;
use support::seeded;

/// Returns the inputs in the corpus of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("no corpus of {target}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn check(target: &str) {
    let (_, run) = targets::ALL.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = corpus(target);
    assert!(!corpus.is_empty());
    corpus.iter().for_each(|input| run(input));
    for seed in 0..300 {
        let bytes = seeded(seed, 16 + seed as usize % 200);
        run(&bytes);
        // A generated program, also after the 8 bytes that `lexer_chunks` takes for itself.
        for letter in b"GLMN" {
            let program = [&[*letter][..], &bytes].concat();
            run(&program);
            run(&[&bytes[..8], &program].concat());
        }
    }
}

macro_rules! smoke {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            check(stringify!($target));
        })*

        #[test]
        fn every_target_has_a_test() {
            let tested = [$(stringify!($target)),*];
            assert_eq!(targets::ALL.map(|(name, _)| name), tested);
        }
    };
}

smoke! {
    audit descr disassembler encoded header index_file lexer_chunks limits machine_run npy_file npz
    skeletons survey_machine typed_json written_file
}
