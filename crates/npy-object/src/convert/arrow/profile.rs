//! What the columns of a table hold: nulls, and lengths.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, UnionArray};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, Field, Schema};

/// A summary of the record batches of a table.
///
/// ```
/// use npy_object::table::{Inference, Profile};
///
/// let mut array = npy_object::open("tests/data/strings.npy")?;
/// let mut inference = Inference::new();
/// inference.add(&mut array, ..)?;
/// let schema = inference.schema();
/// let mut profile = Profile::new(&schema);
/// for batch in array.record_batches_as(0.., 1000, schema)? {
///     profile.add(&batch?);
/// }
/// assert_eq!((profile.rows(), profile.columns()[0].lengths()), (3, Some((5, 7))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Profile {
    rows: u64,
    columns: Vec<ColumnProfile>,
}

/// A summary of a column, or of the values inside those of a column.
#[derive(Clone, Debug)]
pub struct ColumnProfile {
    path: String,
    data_type: DataType,
    values: u64,
    nulls: u64,
    lengths: Option<(u64, u64)>,
    inner: Vec<ColumnProfile>,
}

impl Profile {
    /// Returns the summary of a table without rows.
    pub fn new(schema: &Schema) -> Profile {
        let columns = schema.fields().iter().map(|field| ColumnProfile::new(field.name(), field));
        Profile { rows: 0, columns: columns.collect() }
    }

    /// Adds the rows of a batch, which has the schema of the table.
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let pairs = self.columns.iter_mut().zip(batch.columns());
        pairs.for_each(|(profile, column)| profile.add(column));
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[ColumnProfile] {
        &self.columns
    }
}

impl ColumnProfile {
    /// Recurses as deep as the type, which has a limit.
    fn new(path: &str, field: &Field) -> ColumnProfile {
        let of =
            |suffix: &str, field: &Field| ColumnProfile::new(&format!("{path}{suffix}"), field);
        let inner = match field.data_type() {
            DataType::LargeList(item) | DataType::List(item) | DataType::FixedSizeList(item, _) => {
                vec![of("[]", item)]
            }
            DataType::Struct(fields) => {
                fields.iter().map(|field| of(&format!(".{}", field.name()), field)).collect()
            }
            DataType::Union(fields, _) => {
                fields.iter().map(|(_, field)| of(&format!("|{}", field.name()), field)).collect()
            }
            _ => Vec::new(),
        };
        let data_type = field.data_type().clone();
        ColumnProfile {
            path: path.to_owned(),
            data_type,
            values: 0,
            nulls: 0,
            lengths: None,
            inner,
        }
    }

    fn add(&mut self, column: &ArrayRef) {
        self.values += column.len() as u64;
        self.nulls += column.logical_null_count() as u64;
        let inner = |profile: &mut ColumnProfile, place: usize, values: &ArrayRef| {
            if let Some(inner) = profile.inner.get_mut(place) {
                inner.add(values);
            }
        };
        match column.data_type() {
            DataType::LargeUtf8 => {
                self.add_lengths(column, column.as_string::<i64>().value_offsets());
            }
            DataType::LargeBinary => {
                self.add_lengths(column, column.as_binary::<i64>().value_offsets());
            }
            DataType::LargeList(_) => {
                let lists = column.as_list::<i64>();
                self.add_lengths(column, lists.value_offsets());
                inner(self, 0, lists.values());
            }
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                self.add_lengths(column, lists.value_offsets());
                inner(self, 0, lists.values());
            }
            DataType::FixedSizeList(_, size) => {
                let size = u64::from(size.unsigned_abs());
                self.lengths = Some((size, size));
                inner(self, 0, column.as_fixed_size_list().values());
            }
            DataType::Struct(_) => {
                let columns = column.as_struct().columns().iter().enumerate();
                columns.for_each(|(place, column)| inner(self, place, column));
            }
            DataType::Union(fields, _) => {
                let union: &UnionArray = column.as_union();
                let ids = fields.iter().enumerate();
                ids.for_each(|(place, (id, _))| inner(self, place, union.child(id)));
            }
            _ => {}
        }
    }

    /// Adds the lengths of the values that are not null, which are between these offsets.
    fn add_lengths<O: ArrowNativeType>(&mut self, column: &ArrayRef, offsets: &[O]) {
        for (row, pair) in offsets.windows(2).enumerate() {
            if column.is_null(row) {
                continue;
            }
            let length = (pair[1].as_usize() - pair[0].as_usize()) as u64;
            let (least, most) = self.lengths.unwrap_or((length, length));
            self.lengths = Some((least.min(length), most.max(length)));
        }
    }

    /// Returns the name of the column, and the way into its values: `a.b[]` is the items of the lists
    /// under the key `b` of the dicts in column `a`, `a|Int64` the ints of a union.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the Arrow type.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Returns the number of values, with nulls.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// Returns the number of nulls.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Returns the least and the greatest length: items of a list, bytes of a text in UTF-8. `None`
    /// where there are no values, and of values without a length.
    pub fn lengths(&self) -> Option<(u64, u64)> {
        self.lengths
    }

    /// Returns the summaries of the values inside those of the column.
    pub fn inner(&self) -> &[ColumnProfile] {
        &self.inner
    }
}
