//! The preamble of a file: its header, and the offset of its data.

use npy_header::{Header, Progress};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::envelope::ArrayState;
use crate::options::Options;
use crate::source::Source;
use crate::source::format::Format;
use crate::source::window::Window;
use crate::value::shape::Shape;

/// The preamble of a file, and where the data begin.
#[derive(Clone, Debug)]
pub(crate) struct Preamble {
    /// `None` in a bare pickle, which has no preamble.
    pub(crate) header: Option<Header>,
    /// Where the data begin: bytes from the start of the file.
    pub(crate) data: u64,
}

impl Preamble {
    /// Unpacks a source and reads the preamble that it begins with. Returns the window on the
    /// unpacked source too, which holds what was read.
    pub(crate) fn open(source: Source, options: &Options) -> Result<(Window, Preamble)> {
        Preamble::check(source, options).map_err(|mut errors| errors.swap_remove(0))
    }

    /// Does what `open` does, and returns every error of the header, at least one, not only the first.
    pub(crate) fn check(
        source: Source,
        options: &Options,
    ) -> Result<(Window, Preamble), Vec<Error>> {
        let (source, format) = options.unpack_and_tell(source).map_err(alone)?;
        let mut window = Window::new(source, options.read_size, options.limits.element);
        let preamble = match format {
            Format::Pickle => Preamble { header: None, data: 0 },
            _ => read(&mut window, &options.limits.header)?,
        };
        Ok((window, preamble))
    }

    /// Returns the header of an array whose data are not a pickle.
    pub(crate) fn header_of_rows(&self) -> Option<&Header> {
        self.header.as_ref().filter(|header| !header.dtype.has_object())
    }

    /// Returns where the pickle begins.
    ///
    /// Fails with clause `access.type` where the data are not a pickle.
    pub(crate) fn pickle(&self) -> Result<u64> {
        match self.header_of_rows() {
            None => Ok(self.data),
            Some(_) => {
                let message = "expected a pickle, found an array without objects";
                Err(Error::usage("access.type", message))
            }
        }
    }

    /// Fails where the header disagrees with the array that is pickled after it.
    pub(crate) fn check_agreement(&self, state: &ArrayState) -> Result<()> {
        let Some(header) = &self.header else { return Ok(()) };
        self.check_shape(&state.shape, state.fortran_order)?;
        if !state.item.is_in_header_as(&header.dtype) {
            let (in_header, in_pickle) = (header.dtype.to_string(), state.item.to_string());
            return Err(self.disagreement("dtype", in_header, in_pickle));
        }
        Ok(())
    }

    /// Fails where the header has another shape or order than the array that is pickled after it.
    pub(crate) fn check_shape(&self, shape: &[usize], fortran_order: bool) -> Result<()> {
        let Some(header) = &self.header else { return Ok(()) };
        let (what, in_header, in_pickle) = if *header.shape != *shape {
            let in_header = Shape::from(&*header.shape);
            ("shape", in_header.to_string(), Shape::from(shape).to_string())
        } else if header.fortran_order != fortran_order {
            let (order, pickled) = (header.fortran_order, fortran_order);
            ("fortran_order", python_bool(order), python_bool(pickled))
        } else {
            return Ok(());
        };
        Err(self.disagreement(what, in_header, in_pickle))
    }

    #[cold]
    fn disagreement(&self, what: &str, in_header: String, in_pickle: String) -> Error {
        let message = format!("the header says {what} {in_header}, the pickle {in_pickle}");
        Error::new(ErrorKind::Malformed, "npy.object.agreement", self.data, message)
    }
}

fn alone(error: Error) -> Vec<Error> {
    vec![error]
}

fn read(window: &mut Window, limits: &npy_header::Limits) -> Result<Preamble, Vec<Error>> {
    let to_errors = |errors: Vec<_>| errors.into_iter().map(Error::from).collect::<Vec<_>>();
    let mut needed = 1;
    loop {
        let bytes = window.fill(0, needed).map_err(|error| alone(error.into()))?;
        let ended = bytes.len() < needed;
        match npy_header::check(bytes, limits).map_err(to_errors)? {
            Progress::Done { header, length } => {
                return Ok(Preamble { header: Some(header), data: length as u64 });
            }
            Progress::Need(missing) if ended => {
                let plural = if missing == 1 { "" } else { "s" };
                let message =
                    format!("the preamble was truncated: at least {missing} byte{plural} missing");
                let (end, clause) = (bytes.len() as u64, "npy.truncated");
                return Err(alone(Error::new(ErrorKind::Truncated, clause, end, message)));
            }
            Progress::Need(more) => needed = bytes.len() + more,
        }
    }
}

fn python_bool(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}
