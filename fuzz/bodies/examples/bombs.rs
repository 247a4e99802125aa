//! Writes each bomb into a file of its name, `bombs FOLDER`, and prints the names. Used by
//! `benches/peers/bombs.py`.

use std::path::Path;
use std::{env, fs, io};

use npy_object_fuzz_bodies::bombs::bombs;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).expect("usage: bombs FOLDER");
    for (name, file) in bombs() {
        fs::write(Path::new(&folder).join(&name).with_extension("npy"), file)?;
        println!("{name}");
    }
    Ok(())
}
