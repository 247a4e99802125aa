//! Other kinds of file, by their first bytes, so that an error can name them.
//!
//! They are looked for only after reading has failed, so that no pickle that can be read is taken
//! for another kind of file.

use crate::error::{Error, ErrorKind};

/// Bytes of the start of a file that are looked at.
pub(super) const START: usize = 512;
/// Bytes before the error in which a name that joblib pickles is looked for.
pub(super) const SEARCHED: usize = 64 << 10;

/// A kind of file: the offset of its magic, the magic, its name, and what to do.
type Kind = (usize, &'static [u8], &'static str, &'static str);

const LFS: &str = "run `git lfs pull` to fetch the file";
const UNPACK: &str = "decompress it first";
const EXTRACT: &str = "extract the file from it first";
const DOWNLOAD: &str = "a failed download may be one: look at it in a browser";

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    (0, b"version https://git-lfs.github.com/spec", "a Git LFS pointer", LFS),
    // Compressed.
    (0, b"BZh", "a file compressed by bzip2", UNPACK),
    (0, b"\xfd7zXZ\0", "a file compressed by xz", UNPACK),
    (0, b"\x5d\0\0", "a file compressed by LZMA", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a file compressed by Zstandard", UNPACK),
    (0, b"\x04\x22\x4d\x18", "a file compressed by LZ4", UNPACK),
    (0, b"\xff\x06\0\0sNaPpY", "a file compressed by Snappy", UNPACK),
    (0, b"\x1f\x9d", "a file compressed by compress", UNPACK),
    (0, b"x\x01", "data compressed by zlib", UNPACK),
    (0, b"x\x5e", "data compressed by zlib", UNPACK),
    (0, b"x\x9c", "data compressed by zlib", UNPACK),
    (0, b"x\xda", "data compressed by zlib", UNPACK),
    // Archives.
    (257, b"ustar", "a tar archive", EXTRACT),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", EXTRACT),
    (0, b"Rar!\x1a\x07", "a RAR archive", EXTRACT),
    // Arrays and tables of other formats.
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "h5py reads it"),
    (0, b"CDF\x01", "a NetCDF file", "netCDF4 and scipy.io read it"),
    (0, b"CDF\x02", "a NetCDF file", "netCDF4 and scipy.io read it"),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", "scipy.io.loadmat reads it"),
    (0, b"PAR1", "a Parquet file", "pyarrow.parquet reads it"),
    (0, b"ARROW1", "an Arrow file", "pyarrow reads it"),
    (0, b"\xff\xff\xff\xff", "an Arrow stream", "pyarrow reads it"),
    (0, b"FEA1", "a Feather file", "pyarrow.feather reads it"),
    (0, b"ORC", "an ORC file", "pyarrow.orc reads it"),
    (0, b"Obj\x01", "an Avro file", "fastavro reads it"),
    (0, b"SQLite format 3\0", "an SQLite database", "sqlite3 reads it"),
    (8, b"{\"", "a safetensors file", "safetensors reads it"),
    (0, b"GGUF", "a GGUF file", "gguf reads it"),
    // PyTorch before 1.6: the first pickle is this number.
    (0, b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "a PyTorch file", "torch.load reads it"),
    // Documents, pictures, programs.
    (0, b"%PDF", "a PDF document", ""),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture", ""),
    (0, b"\xff\xd8\xff", "a JPEG picture", ""),
    (0, b"GIF8", "a GIF picture", ""),
    (0, b"II*\0", "a TIFF picture", ""),
    (0, b"MM\0*", "a TIFF picture", ""),
    (0, b"\x7fELF", "a program", ""),
    (0, b"\xff\xfe", "text in UTF-16", ""),
    (0, b"\xfe\xff", "text in UTF-16", ""),
];

/// Replaces the message of an error where the file is of another kind.
///
/// `start` has the first bytes of the file, and `near` the bytes before the error.
#[cold]
pub(super) fn name(error: Error, start: &[u8], near: &[u8]) -> Error {
    // An archive or compressed file that is damaged is not of another kind.
    let is_of_packing =
        ["gzip.", "packed.", "tar."].iter().any(|chapter| error.clause().starts_with(chapter))
            || error.clause().starts_with("npz.") && error.clause() != "npz.end";
    let is_of_form = matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Truncated)
        || error.clause() == "npy.object.envelope";
    if is_of_packing || !is_of_form || start.starts_with(b"\x93NUMPY") {
        return error;
    }
    match kind_of(start, near, error.offset() == Some(0)) {
        Some((kind, "")) => error.with_message(format!("this is {kind}, not an array")),
        Some((kind, advice)) => {
            error.with_message(format!("this is {kind}, not an array: {advice}"))
        }
        None => error,
    }
}

fn kind_of(
    start: &[u8],
    near: &[u8],
    nothing_was_read: bool,
) -> Option<(&'static str, &'static str)> {
    if start.is_empty() && nothing_was_read {
        return Some((
            "an empty file",
            "the program that wrote it may have failed, or not be done",
        ));
    }
    let is = |kind: &&Kind| start.get(kind.0..).is_some_and(|bytes| bytes.starts_with(kind.1));
    if let Some(&(_, _, kind, advice)) = KINDS.iter().find(is) {
        return Some((kind, advice));
    }
    let names_joblib = |bytes: &[u8]| bytes.windows(19).any(|name| name == b"joblib.numpy_pickle");
    if names_joblib(near) || names_joblib(start) {
        return Some((
            "a joblib file, with the bytes of arrays inside its pickle",
            "joblib.load reads it",
        ));
    }
    // A pickle of protocol 0 is text too.
    if nothing_was_read { text_kind(start) } else { None }
}

/// Returns the kind of text of a file; `None` where it is not text.
fn text_kind(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let valid = start.utf8_chunks().next()?.valid();
    let is_text = |c: char| !c.is_control() || c.is_ascii_whitespace();
    // The last character may be cut off.
    if valid.is_empty() || start.len() - valid.len() > 3 || !valid.chars().all(is_text) {
        return None;
    }
    let text = valid.strip_prefix('\u{feff}').unwrap_or(valid);
    let text = text.trim_start();
    let begins =
        |with: &str| text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    Some(if begins("<!doctype html") || begins("<html") || begins("<head") {
        ("an HTML page", DOWNLOAD)
    } else if begins("<?xml") || begins("<") {
        ("an XML document", DOWNLOAD)
    } else if begins("{") || begins("[") {
        ("JSON", "a JSON parser reads it; a failed download may be one")
    } else {
        ("text", "look at it in an editor")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_named(start: &[u8], expected: &str) {
        let error = Error::new(ErrorKind::Malformed, "npy.magic", 0, "not a .npy file");
        let error = name(error, start, &[]);
        assert!(
            error.message().starts_with(&format!("this is {expected}, not an array")),
            "{error}"
        );
        assert_eq!((error.clause(), error.offset()), ("npy.magic", Some(0)));
    }

    #[test]
    fn name_of_another_kind_says_which() {
        assert_named(b"", "an empty file");
        assert_named(b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer");
        assert_named(b"<!DOCTYPE html>\n<html>", "an HTML page");
        assert_named(b"\n\n<HTML lang=en>", "an HTML page");
        assert_named(b"<?xml version='1.0'?><Error>", "an XML document");
        assert_named(b"{\"message\": \"not found\"}", "JSON");
        assert_named(b"\xef\xbb\xbf[1, 2]", "JSON");
        assert_named("id,n\u{e4}me\n1,\u{e9}".as_bytes(), "text");
        assert_named(&"\u{e4}".repeat(300).as_bytes()[..START - 1], "text");
        let mut tar = vec![0; 257];
        tar.extend_from_slice(b"ustar\0");
        assert_named(&tar, "a tar archive");
        for &(offset, magic, kind, _) in KINDS {
            assert_named(&[&vec![0; offset][..], magic, &[0; 8]].concat(), kind);
        }
    }

    #[test]
    fn name_of_no_known_kind_keeps_the_error() {
        for start in
            [&b"\x93NUMPY\x01\0"[..], b"\x80\x04K\x01", b"\x93numpy", b"\0\0\0\0", b"\xc3\x28"]
        {
            let error = Error::new(ErrorKind::Malformed, "pickle.opcode", 0, "no opcode");
            assert_eq!(name(error, start, &[]).message(), "no opcode");
        }
        // A truncated pickle of protocol 0 is text, and keeps its error.
        let error = Error::new(ErrorKind::Truncated, "pickle.truncated", 9, "truncated");
        assert_eq!(name(error, b"(lp0\nI1\na", &[]).message(), "truncated");
        let error = Error::usage("access.type", "wrong type");
        assert_eq!(name(error, b"BZh9", &[]).message(), "wrong type");
    }

    #[test]
    fn name_of_a_joblib_file_finds_the_name_before_its_arrays() {
        let error = || Error::new(ErrorKind::Malformed, "pickle.opcode", 300_000, "no opcode");
        let near = b"\x8c\x13joblib.numpy_pickle\x94\x8c\x11NumpyArrayWrapper\x94\x93\x94";
        assert!(
            name(error(), b"\x80\x04\x95", near).message().starts_with("this is a joblib file")
        );
        assert!(name(error(), near, &[]).message().starts_with("this is a joblib file"));
    }
}
