//! Times each work through the public API, from the file, and its floor where it has one.

use std::fs::{self, File};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use npy_object_benches::{WORKS, floor};

fn elements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("elements");
    group.sample_size(10);
    for work in WORKS {
        let file = match work.file() {
            Ok(file) => file,
            Err(missing) => {
                eprintln!("{missing}");
                continue;
            }
        };
        let size = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        group.throughput(Throughput::Bytes(size));
        group.bench_function(BenchmarkId::from_parameter(work.name), |bencher| {
            bencher.iter(|| {
                let mut array = npy_object::open(&file).expect("a file of generate.py");
                black_box((work.run)(&mut array).expect("a file of generate.py"))
            });
        });
        if let Some(buffer) = work.floor {
            group.bench_function(BenchmarkId::new("floor", work.name), |bencher| {
                bencher.iter(|| {
                    let file = File::open(&file).expect("a file of generate.py");
                    black_box(floor(file, buffer).expect("a file that can be read"))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, elements);
criterion_main!(benches);
