//! Does one work with one reader, `peers READER WORK FILE`, and prints the seconds, the elements, the
//! result, and the peak of memory in KiB (0 where the system does not report it). Used by `run.py`.
//! Where it fails, it prints the peak alone, for `bombs.py`.
//!
//! `pickled` and `serde-pickle` know no arrays: they return the state that NumPy pickled, and the works
//! sum the bytes in it. Values are not freed, because the time of freeing is not measured for the other
//! readers either. `deser-pickle` fills the types that its user would write. The work `read`, which reads any file, does free them, because some readers overflow
//! the stack when they free a deep value.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::time::Instant;

use deser::de::SinkHandle;
use deser::{Deserialize, State};
use npy_object::{Limits, Options};
use npy_object_benches::{WORKS, peak};
use npyz::NpyFile;

/// The number of elements, and the result.
type Done = Result<(u64, f64), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [reader, work, file] = arguments.as_slice() else {
        eprintln!("usage: peers READER WORK FILE");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let done = match reader.as_str() {
        reader if work == "read" => read(reader, file),
        "deser-pickle" => deser_pickle(work, file),
        "npy-object" => npy_object(work, file),
        "npyz" => npyz(file),
        "pickled" => pickled(work, file),
        "pyferrite" => pyferrite(work, file),
        "serde-pickle" => serde_pickle(work, file),
        _ => Err(format!("no reader is named '{reader}'").into()),
    };
    match done {
        Ok((count, result)) => {
            println!("{} {count} {result} {}", begin.elapsed().as_secs_f64(), peak());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", peak());
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads everything, and does nothing with it.
fn read(reader: &str, file: &str) -> Done {
    let each = |options: Options| -> Done {
        let mut array = options.open(file)?;
        let mut count = 0;
        while array.next_element()?.is_some() {
            count += 1;
        }
        Ok((count, 0.0))
    };
    match reader {
        "npy-object" => return each(Options::new()),
        "npy-object-bounded" => return each(Options::new().limits(Limits::within(8 << 20))),
        "npyz" => return npyz(file),
        "pickled" => {
            let options = pickled::DeOptions::new().replace_unresolved_globals();
            drop(pickled::value_from_reader(pickle(file)?, options)?);
        }
        "pyferrite" => drop(pyferrite::read(file)?),
        "serde-pickle" => {
            let options = serde_pickle::DeOptions::new().replace_unresolved_globals();
            drop(serde_pickle::value_from_reader(pickle(file)?, options)?);
        }
        _ => return Err(format!("no reader is named '{reader}'").into()),
    }
    Ok((1, 0.0))
}

/// Sums the rows of a plain array as arrays.
fn npy_object(work: &str, file: &str) -> Done {
    let name = if work == "plain" { "ragged" } else { work };
    let work = WORKS.iter().find(|work| work.name == name).ok_or("no work has this name")?;
    Ok((work.run)(&mut npy_object::open(file)?)?)
}

fn npyz(file: &str) -> Done {
    let array = NpyFile::new(BufReader::new(File::open(file)?))?;
    let rows = array.shape().first().copied().unwrap_or(1);
    let mut sum = 0.0;
    for number in array.data::<f64>()? {
        sum += number?;
    }
    Ok((rows, sum))
}

fn pickled(work: &str, file: &str) -> Done {
    use pickled::{DeOptions, HashableValue, Value};

    fn int(value: &Value) -> Option<i64> {
        if let Value::I64(int) = value { Some(*int) } else { None }
    }

    fn of_element(work: &str, element: &Value) -> Option<f64> {
        Some(match (work, element) {
            ("strings", Value::String(text)) => text.inner().len() as f64,
            ("ints", Value::List(items)) => {
                items.inner().iter().map(int).sum::<Option<i64>>()? as f64
            }
            ("dicts", Value::Dict(entries)) => {
                let key = HashableValue::String("id".to_string().into());
                int(entries.inner().get(&key)?)? as f64
            }
            (_, Value::Tuple(state)) => match state.inner().last()? {
                Value::Bytes(bytes) => sum_of_bytes(bytes.inner()),
                _ => return None,
            },
            _ => return None,
        })
    }

    let options = DeOptions::new().replace_unresolved_globals();
    let value = ManuallyDrop::new(pickled::value_from_reader(pickle(file)?, options)?);
    let Value::Tuple(state) = &*value else { return Err("no state of an array".into()) };
    let Some(Value::List(elements)) = state.inner().last() else { return Err("no list".into()) };
    sum_of(elements.inner().iter().map(|element| of_element(work, element)))
}

/// The state of an array of NumPy: version, shape, dtype, order of the axes, and `data`.
type Pickled<T> = (Ignored, Ignored, Ignored, Ignored, T);

/// Any value, which is not kept.
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize_into<'out>(out: &'out mut Option<Self>, _: &mut State) -> SinkHandle<'out, 'de> {
        *out = Some(Ignored);
        SinkHandle::null()
    }
}

#[derive(Deserialize)]
struct Item {
    id: u32,
    name: String,
    v: Vec<u32>,
}

fn deser_pickle(work: &str, file: &str) -> Done {
    fn of_all<T: for<'de> Deserialize<'de>>(data: &[u8], value: fn(&T) -> f64) -> Done {
        // The dtype and the keys of the dicts are shared by all elements, more often than its limit allows.
        let config = deser_pickle::DeserializerConfig::builder();
        let config = config.max_shared_events(usize::MAX).build();
        let state: Pickled<Vec<T>> = config.from_slice(data)?;
        let elements = ManuallyDrop::new(state.4);
        sum_of(elements.iter().map(|element| Some(value(element))))
    }

    let mut data = Vec::new();
    pickle(file)?.read_to_end(&mut data)?;
    match work {
        "strings" => of_all(&data, |text: &String| text.len() as f64),
        "ints" => of_all(&data, |list: &Vec<i64>| list.iter().sum::<i64>() as f64),
        "dicts" => of_all(&data, |item: &Item| f64::from(item.id)),
        _ => of_all(&data, |array: &Pickled<Vec<u8>>| sum_of_bytes(&array.4)),
    }
}

fn serde_pickle(work: &str, file: &str) -> Done {
    use serde_pickle::{DeOptions, HashableValue, Value};

    fn int(value: &Value) -> Option<i64> {
        if let Value::I64(int) = value { Some(*int) } else { None }
    }

    fn of_element(work: &str, element: &Value) -> Option<f64> {
        Some(match (work, element) {
            ("strings", Value::String(text)) => text.len() as f64,
            ("ints", Value::List(items)) => items.iter().map(int).sum::<Option<i64>>()? as f64,
            ("dicts", Value::Dict(entries)) => {
                int(entries.get(&HashableValue::String("id".to_string()))?)? as f64
            }
            (_, Value::Tuple(state)) => match state.last()? {
                Value::Bytes(bytes) => sum_of_bytes(bytes),
                _ => return None,
            },
            _ => return None,
        })
    }

    let options = DeOptions::new().replace_unresolved_globals();
    let value = ManuallyDrop::new(serde_pickle::value_from_reader(pickle(file)?, options)?);
    let Value::Tuple(state) = &*value else { return Err("no state of an array".into()) };
    let Some(Value::List(elements)) = state.last() else { return Err("no list".into()) };
    sum_of(elements.iter().map(|element| of_element(work, element)))
}

fn pyferrite(work: &str, file: &str) -> Done {
    use pyferrite::{Array, Value};

    fn of_element(work: &str, element: &Value) -> Option<f64> {
        Some(match (work, element) {
            ("strings", Value::Str(text)) => text.len() as f64,
            ("ints", Value::List(items)) => {
                items.iter().map(Value::as_i64).sum::<Option<i64>>()? as f64
            }
            ("dicts", Value::Dict(entries)) => entries.get("id")?.as_i64()? as f64,
            (_, Value::Array(Array::F64(numbers))) => numbers.sum(),
            _ => return None,
        })
    }

    let value = ManuallyDrop::new(pyferrite::read(file)?);
    match &*value {
        Value::Array(Array::F64(numbers)) => Ok((numbers.shape()[0] as u64, numbers.sum())),
        Value::List(elements) => sum_of(elements.iter().map(|element| of_element(work, element))),
        other => Err(format!("a {} is no array", other.type_name()).into()),
    }
}

/// Returns the bytes after the preamble.
fn pickle(file: &str) -> Result<impl Read, Box<dyn Error>> {
    Ok(NpyFile::new(BufReader::new(File::open(file)?))?.into_inner())
}

/// Sums the values of the elements. Fails where an element has not the type that the work expects.
fn sum_of(values: impl Iterator<Item = Option<f64>>) -> Done {
    let (mut count, mut sum) = (0, 0.0);
    for value in values {
        sum += value.ok_or("an element has not the type that the work expects")?;
        count += 1;
    }
    Ok((count, sum))
}

/// Sums f8 numbers in eight partial sums, as the work of npy-object does.
fn sum_of_bytes(bytes: &[u8]) -> f64 {
    let (numbers, _) = bytes.as_chunks::<8>();
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, number)| *sum += f64::from_le_bytes(*number));
    }
    sums.iter().sum::<f64>() + rest.iter().copied().map(f64::from_le_bytes).sum::<f64>()
}
