#!/bin/bash -eu
# Builds each target with its corpus, its dictionary and its options.
cd "$SRC/npy-object"
cargo fuzz build -O
for target in $(cargo fuzz list); do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    cp fuzz/pickle.dict "$OUT/$target.dict"
    printf '[libfuzzer]\nmax_len = 4096\ntimeout = 25\n' > "$OUT/$target.options"
    if [ -d "fuzz/bodies/corpus/$target" ]; then
        zip -jqr "$OUT/${target}_seed_corpus.zip" "fuzz/bodies/corpus/$target"
    fi
done
