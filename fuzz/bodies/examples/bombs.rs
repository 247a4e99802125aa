//! Writes the bombs into a folder, `bombs FOLDER`, each as a file of its name, and prints the names:
//! for `benches/peers/bombs.py`.

use std::path::Path;
use std::{env, fs, io};

use npy_object_fuzz_bodies::bombs::bombs;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).expect("bombs FOLDER");
    for (name, file) in bombs() {
        fs::write(Path::new(&folder).join(&name).with_extension("npy"), file)?;
        println!("{name}");
    }
    Ok(())
}
