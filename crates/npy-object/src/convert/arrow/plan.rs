//! Which hole of a skeleton fills which column, so that rows are copied without being decoded.
//!
//! A plan is made once for each skeleton, from its [`RowPlan`]. A row whose holes are not of the kinds
//! that its columns take is decoded as an element. A property holds that both ways make the same
//! columns.

use std::sync::Arc;

use arrow_schema::{DataType, Fields};
use npy_header::{Scalar, ScalarKind};
use pickle_stream::{Hole, Holes};

use crate::convert::arrow::column::Column;
use crate::convert::arrow::infer::type_of_scalar;
use crate::convert::arrow::number;
use crate::decode::memo_cache::MemoCache;
use crate::decode::plan::{Constant, Length, Plan, RowPlan};
use crate::decode::resident::{Resident, Run};

/// The texts of memo entries that rows read; `None` of an entry that is no text.
pub(super) type Texts = MemoCache<Option<Box<str>>>;

/// Where the values of all columns are, in the rows of one skeleton.
#[derive(Debug)]
pub(super) struct TablePlan {
    row: Arc<RowPlan>,
    /// For each column; `None` where all values are null.
    columns: Vec<Option<ColumnPlan>>,
}

/// Where the values of a column are.
#[derive(Debug)]
enum ColumnPlan {
    /// A scalar or a list of scalars: the hole of this number.
    Hole(usize),
    /// An array of one dimension, whose bytes are the hole of this number.
    Array { item: Scalar, len: Length, bytes: usize },
    /// A value for each field; `None` where the dict has no such key.
    Struct(Vec<Option<ColumnPlan>>),
    /// The same value in all rows.
    Constant(Constant),
}

/// The rows that can be copied.
pub(super) struct Fitting {
    /// How many of the first ones.
    pub(super) rows: usize,
    /// The memo entry whose text has to be looked up before the next one can be copied.
    pub(super) needs: Option<u64>,
}

impl TablePlan {
    /// Makes the plan of these columns. `fields` are the columns of dicts, and whether other keys are left
    /// out. Returns `None` where the values have to be decoded.
    pub(super) fn new(
        row: Arc<RowPlan>,
        columns: &[Column],
        fields: Option<(&Fields, bool)>,
    ) -> Option<TablePlan> {
        let columns = match (columns, fields, row.value()) {
            (columns, Some((fields, leaves_out)), Plan::Dict(entries)) => {
                ColumnPlan::of_entries(entries, fields, columns, leaves_out)?
            }
            ([column], None, value) => vec![Some(ColumnPlan::new(value, column)?)],
            _ => return None,
        };
        Some(TablePlan { row, columns })
    }

    /// Returns how many of the first rows can be copied to the columns, and the memo entry whose text
    /// has to be looked up before the next one can.
    pub(super) fn fitting(
        &self,
        columns: &[Column],
        block: &Resident<'_>,
        run: &Run<'_>,
        texts: &Texts,
    ) -> Fitting {
        let rows = Rows { plan: &self.row, block, run, texts };
        let of_columns = all_fitting(&self.columns, columns, &rows);
        let fitting = self.row.fitting(block, run);
        if fitting < of_columns.rows { Fitting { rows: fitting, needs: None } } else { of_columns }
    }

    /// Copies rows, which fit, to the columns. Texts are not checked for UTF-8.
    pub(super) fn append(
        &self,
        columns: &mut [Column],
        block: &Resident<'_>,
        run: &Run<'_>,
        texts: &Texts,
    ) {
        append_all(&self.columns, columns, &Rows { plan: &self.row, block, run, texts });
    }
}

/// The rows that are copied, and what is needed to read them.
struct Rows<'a> {
    plan: &'a RowPlan,
    block: &'a Resident<'a>,
    run: &'a Run<'a>,
    texts: &'a Texts,
}

impl ColumnPlan {
    /// Makes the plan of a column; `None` where its values have to be decoded. Recurses as deep as the type
    /// of the column.
    fn new(value: &Plan, column: &Column) -> Option<ColumnPlan> {
        match (value, column) {
            (Plan::Hole(hole), _) => Some(ColumnPlan::Hole(*hole)),
            (Plan::Array(array), Column::List { items, .. }) => {
                let ([len], Column::Fixed { data_type, .. }) = (&array.shape[..], &**items) else {
                    return None;
                };
                let item = array.item();
                let is_number =
                    matches!(item.kind(), ScalarKind::Int | ScalarKind::Uint | ScalarKind::Float);
                let is_same = is_number && type_of_scalar(item).is_ok_and(|it| it == *data_type);
                is_same.then_some(ColumnPlan::Array { item, len: *len, bytes: array.bytes })
            }
            (Plan::Dict(entries), Column::Struct { fields, columns, .. }) => {
                ColumnPlan::of_entries(entries, fields, columns, false).map(ColumnPlan::Struct)
            }
            (Plan::Constant(constant), column) => {
                let constant = match (constant, column) {
                    (Constant::None, _)
                    | (Constant::Bool(_), Column::Boolean(_))
                    | (Constant::Str(_), Column::Text { .. } | Column::Dictionary(_)) => {
                        constant.clone()
                    }
                    (Constant::Int(_), Column::Fixed { data_type: DataType::Int64, .. })
                    | (Constant::Float(_), Column::Fixed { data_type: DataType::Float64, .. }) => {
                        constant.clone()
                    }
                    (&Constant::Int(int), Column::Fixed { data_type: DataType::Float64, .. })
                        if number::is_float(int) =>
                    {
                        Constant::Float(int as f64)
                    }
                    _ => return None,
                };
                Some(ColumnPlan::Constant(constant))
            }
            _ => None,
        }
    }

    /// Makes the plans of the columns of the values of a dict. With `leaves_out`, keys without a column are
    /// left out.
    fn of_entries(
        entries: &[(Box<str>, Plan)],
        fields: &Fields,
        columns: &[Column],
        leaves_out: bool,
    ) -> Option<Vec<Option<ColumnPlan>>> {
        let mut plans: Vec<Option<ColumnPlan>> = columns.iter().map(|_| None).collect();
        for (key, value) in entries {
            match fields.find(key) {
                Some((index, _)) if plans[index].is_some() => return None,
                Some((index, _)) => plans[index] = Some(ColumnPlan::new(value, &columns[index])?),
                None if leaves_out => {}
                None => return None,
            }
        }
        Some(plans)
    }

    /// Returns how many of the first rows can be copied to a column: see [`TablePlan::fitting`].
    fn fitting(&self, column: &Column, rows: &Rows<'_>) -> Fitting {
        let Rows { plan, block, run, texts } = *rows;
        match (self, column) {
            (ColumnPlan::Constant(_), _) => Fitting::all(run),
            (ColumnPlan::Struct(plans), Column::Struct { columns, .. }) => {
                all_fitting(plans, columns, rows)
            }
            (ColumnPlan::Array { item, len, bytes }, _) => {
                let size = item.itemsize();
                let is_of = |bytes: &Hole, len: usize| {
                    let Hole::Bytes(bytes) = bytes else { return false };
                    len.checked_mul(size) == Some(bytes.len as usize)
                };
                let rows = match *len {
                    Length::Fixed(len) => {
                        run.column(*bytes).take_while(|bytes| is_of(bytes, len)).count()
                    }
                    Length::Hole(len) => {
                        let pairs = run.column(*bytes).zip(run.column(len));
                        let fits = |(bytes, len): &(&Hole, &Hole)| match len {
                            Hole::Int(len) => {
                                usize::try_from(*len).is_ok_and(|len| is_of(bytes, len))
                            }
                            _ => false,
                        };
                        pairs.take_while(fits).count()
                    }
                };
                Fitting { rows, needs: None }
            }
            (ColumnPlan::Hole(hole), Column::Text { .. } | Column::Dictionary(_)) => {
                let fits = |(row, hole): &(usize, &Hole)| match hole {
                    Hole::Str(_) | Hole::None => true,
                    Hole::Get(memo) => texts.get(*memo).is_some_and(|text| text.is_some()),
                    // ASCII is the same text in all encodings.
                    Hole::Str2(text) => {
                        let text = text.of(block.bytes(*row));
                        text.is_ascii() && plan.text(text).is_some()
                    }
                    _ => false,
                };
                let members = run.members.clone().zip(run.column(*hole));
                let rows = members.take_while(fits).count();
                let needs = match run.column(*hole).nth(rows) {
                    Some(Hole::Get(memo)) if texts.get(*memo).is_none() => Some(*memo),
                    _ => None,
                };
                Fitting { rows, needs }
            }
            (ColumnPlan::Hole(hole), column) => {
                let items = match column {
                    Column::List { items, .. } => Numbers::of(items),
                    _ => Numbers::None,
                };
                let (numbers, lists) = (Numbers::of(column), run.lists);
                let fits = |hole: &&Hole| match (hole, column) {
                    (Hole::None, _)
                    | (Hole::Bytes(_), Column::Binary(_))
                    | (Hole::Bool(_), Column::Boolean(_)) => true,
                    (Hole::Int(int), _) => numbers.holds(&[*int]),
                    (Hole::Float(_), _) => numbers == Numbers::Floats,
                    (Hole::Ints(list) | Hole::Floats(list), Column::List { .. })
                        if list.len == 0 =>
                    {
                        true
                    }
                    (Hole::Ints(list), _) => items.holds(list.of(lists.ints())),
                    (Hole::Floats(_), _) => items == Numbers::Floats,
                    _ => false,
                };
                Fitting { rows: run.column(*hole).take_while(fits).count(), needs: None }
            }
            _ => Fitting { rows: 0, needs: None },
        }
    }

    /// Copies rows, which fit, to a column. Texts are not checked for UTF-8.
    fn append(&self, column: &mut Column, rows: &Rows<'_>) {
        let Rows { block, run, .. } = *rows;
        let members = run.members.clone();
        match (self, column) {
            (ColumnPlan::Constant(constant), column) => {
                members.for_each(|_| append_constant(constant, column));
            }
            (ColumnPlan::Struct(plans), Column::Struct { columns, nulls, .. }) => {
                append_all(plans, columns, rows);
                nulls.append_n_non_nulls(members.len());
            }
            (ColumnPlan::Array { bytes, .. }, Column::List { items, ends, nulls, .. }) => {
                let Column::Fixed { data_type, bytes: values, nulls: valid } = &mut **items else {
                    return;
                };
                let width = data_type.primitive_width().unwrap_or(1);
                let before = values.len();
                nulls.append_n_non_nulls(members.len());
                ends.extend(block.begins(members).zip(run.column(*bytes)).map(|(begin, hole)| {
                    if let Hole::Bytes(bytes) = hole {
                        values.extend_from_slice(block.part(begin, *bytes));
                    }
                    (values.len() / width) as i64
                }));
                valid.append_n_non_nulls((values.len() - before) / width);
            }
            (ColumnPlan::Hole(hole), column) => append_hole(column, rows, *hole),
            _ => unreachable!("rows were found to fit"),
        }
    }
}

/// The numbers that a column takes from holes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    None,
    Ints,
    Floats,
}

impl Numbers {
    fn of(column: &Column) -> Numbers {
        match column {
            Column::Fixed { data_type: DataType::Int64, .. } => Numbers::Ints,
            Column::Fixed { data_type: DataType::Float64, .. } => Numbers::Floats,
            _ => Numbers::None,
        }
    }

    /// Returns whether the column has ints as they are, or as floats exactly.
    #[inline]
    fn holds(self, ints: &[i64]) -> bool {
        match self {
            Numbers::None => false,
            Numbers::Ints => true,
            Numbers::Floats => ints.iter().all(|&int| number::is_float(int)),
        }
    }
}

impl Fitting {
    fn all(run: &Run<'_>) -> Fitting {
        Fitting { rows: run.members.len(), needs: None }
    }
}

/// Returns how many of the first rows can be copied to these columns.
fn all_fitting(plans: &[Option<ColumnPlan>], columns: &[Column], rows: &Rows<'_>) -> Fitting {
    let pairs = plans.iter().zip(columns);
    let each = pairs.filter_map(|(plan, column)| Some(plan.as_ref()?.fitting(column, rows)));
    each.fold(Fitting::all(rows.run), |all, one| if one.rows < all.rows { one } else { all })
}

/// Copies rows that fit to these columns; null where there is no plan.
fn append_all(plans: &[Option<ColumnPlan>], columns: &mut [Column], rows: &Rows<'_>) {
    for (plan, column) in plans.iter().zip(columns) {
        match plan {
            Some(plan) => plan.append(column, rows),
            None => rows.run.members.clone().for_each(|_| column.append_null()),
        }
    }
}

/// Copies what fills one hole of all rows.
fn append_hole(column: &mut Column, rows: &Rows<'_>, hole: usize) {
    let Rows { block, run, texts, .. } = *rows;
    let (members, cells) = (run.members.clone(), run.column(hole));
    let mut missing = 0;
    let nulls = match column {
        Column::Text { values, ends, nulls } => {
            ends.extend(block.begins(members).zip(cells).map(|(begin, hole)| {
                match hole {
                    Hole::Str(text) | Hole::Str2(text) => {
                        append_text(values, block.part_on(begin, *text), text.len as usize);
                    }
                    Hole::Get(memo) => {
                        let text = texts.get(*memo).and_then(Option::as_deref);
                        values.extend_from_slice(text.unwrap_or_default().as_bytes());
                    }
                    _ => missing += 1,
                }
                values.len() as i64
            }));
            nulls
        }
        Column::Dictionary(dictionary) => {
            for (begin, hole) in block.begins(members).zip(cells) {
                match hole {
                    Hole::Str(text) | Hole::Str2(text) => {
                        dictionary.append(block.part(begin, *text));
                    }
                    Hole::Get(memo) => {
                        let text = texts.get(*memo).and_then(Option::as_deref);
                        dictionary.append_of_memo(*memo, text.unwrap_or_default());
                    }
                    _ => dictionary.append_null(),
                }
            }
            return;
        }
        Column::Binary(builder) => {
            for (begin, hole) in block.begins(members).zip(cells) {
                match hole {
                    Hole::Bytes(bytes) => builder.append_value(block.part(begin, *bytes)),
                    _ => builder.append_null(),
                }
            }
            return;
        }
        Column::Boolean(builder) => {
            for hole in cells {
                match hole {
                    Hole::Bool(bool) => builder.append_value(*bool),
                    _ => builder.append_null(),
                }
            }
            return;
        }
        Column::Fixed { data_type, bytes, nulls }
            if matches!(data_type, DataType::Int64 | DataType::Float64) =>
        {
            let as_float = *data_type == DataType::Float64;
            bytes.extend(cells.map(|hole| match *hole {
                Hole::Int(int) if as_float => (int as f64).to_bits(),
                Hole::Int(int) => int as u64,
                Hole::Float(float) => float.to_bits(),
                _ => {
                    missing += 1;
                    0
                }
            }));
            nulls
        }
        Column::List { items, ends, nulls, .. } => {
            missing = append_lists(items, ends, cells, run.lists);
            nulls
        }
        // None in a column of any other type.
        column => {
            members.for_each(|_| column.append_null());
            return;
        }
    };
    if missing == 0 {
        nulls.append_n_non_nulls(run.members.len());
    } else {
        run.column(hole).for_each(|hole| nulls.append(*hole != Hole::None));
    }
}

/// Appends a text, which is the first `len` of these bytes.
#[inline(always)]
fn append_text(values: &mut Vec<u8>, bytes: &[u8], len: usize) {
    match bytes.first_chunk::<SHORT>() {
        // A copy of a fixed size is a few instructions, one of any size is a call.
        Some(chunk) if len <= SHORT => {
            let end = values.len() + len;
            values.extend_from_slice(chunk);
            values.truncate(end);
        }
        _ => values.extend_from_slice(bytes.get(..len).unwrap_or_default()),
    }
}

/// The bytes of a text that is copied together with what comes after it.
const SHORT: usize = 32;

/// Appends lists of numbers to the column of their items, and where each ends. Returns how many lists are
/// None.
fn append_lists<'a>(
    items: &mut Column,
    ends: &mut Vec<i64>,
    cells: impl Iterator<Item = &'a Hole>,
    lists: &Holes,
) -> usize {
    let before = items.len() as i64;
    let Column::Fixed { data_type, bytes, nulls } = items else {
        // Empty lists, and None.
        let is_none = |hole: &&Hole| **hole == Hole::None;
        return cells.inspect(|_| ends.push(before)).filter(is_none).count();
    };
    let as_float = *data_type == DataType::Float64;
    let (mut end, mut missing) = (before, 0);
    ends.extend(cells.map(|hole| {
        match *hole {
            Hole::Ints(list) => {
                let ints = list.of(lists.ints());
                match as_float {
                    true => bytes.extend(ints.iter().map(|&int| int as f64)),
                    false => bytes.extend_from_slice(ints),
                }
                end += ints.len() as i64;
            }
            Hole::Floats(list) => {
                let floats = list.of(lists.floats());
                bytes.extend_from_slice(floats);
                end += floats.len() as i64;
            }
            _ => missing += 1,
        }
        end
    }));
    nulls.append_n_non_nulls((end - before) as usize);
    missing
}

/// Appends a value that is the same in all rows, and of the type of the column.
fn append_constant(constant: &Constant, column: &mut Column) {
    match (constant, column) {
        (Constant::Bool(bool), Column::Boolean(builder)) => builder.append_value(*bool),
        (Constant::Int(int), Column::Fixed { bytes, nulls, .. }) => {
            bytes.extend_from_slice(&int.to_le_bytes());
            nulls.append_non_null();
        }
        (Constant::Float(float), Column::Fixed { bytes, nulls, .. }) => {
            bytes.extend_from_slice(&float.to_le_bytes());
            nulls.append_non_null();
        }
        (Constant::Str(text), column) => column.append_text(text),
        (_, column) => column.append_null(),
    }
}
