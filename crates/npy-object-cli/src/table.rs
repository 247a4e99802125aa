//! The arguments that say how elements become columns.

use clap::Args;
use npy_object::NpyArray;
use npy_object::table::{Inference, Mixed, Tensors};

use crate::failure::Failure;
use crate::input::{At, Reading};
use crate::opened::Opened;

/// The arguments of the schema of a table.
#[derive(Args)]
pub(crate) struct Columns {
    /// The column of values of several kinds, such as ints and strs: an error, their JSON as text, or a
    /// union, which Arrow has and Parquet has not
    #[arg(long, default_value = "error", value_name = "error|json|union")]
    mixed: Mixed,

    /// The column of arrays: lists, Arrow's fixed-shape tensors where all arrays have one shape, or
    /// variable-shape tensors for arrays of several dimensions
    #[arg(long, default_value = "lists", value_name = "lists|fixed|variable")]
    tensors: Tensors,

    /// Infer the columns from the first N elements only; a later one that does not fit is an error
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
}

impl Columns {
    /// Returns the number of elements that the columns are inferred from, where it is given.
    pub(crate) fn sample(&self) -> Option<u64> {
        self.sample
    }

    /// Returns an inference with these options.
    pub(crate) fn inference(&self) -> Inference {
        Inference::new().mixed(self.mixed).tensors(self.tensors)
    }
}

/// Opens the array whose elements become rows, or the members of a list, tuple or set.
pub(crate) fn open(opened: &Opened<'_>, reading: &Reading, at: &At) -> Result<NpyArray, Failure> {
    Ok(opened.contents(reading, at.given(), false)?.into_array()?)
}
