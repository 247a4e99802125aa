//! Which hole of a skeleton fills which column, so that rows are copied without being decoded.
//!
//! A plan is made once for each skeleton, from the value of one row. A row whose holes are not of the
//! kinds that its columns take is decoded as an element. A property holds that both ways make the same
//! columns.

use std::collections::HashMap;
use std::ops::Range;

use arrow_buffer::NullBufferBuilder;
use arrow_schema::{DataType, Fields};
use npy_header::{Scalar, ScalarKind};
use pickle_stream::{Hole, NodeId};

use crate::convert::arrow::column::Column;
use crate::convert::arrow::infer::type_of_scalar;
use crate::decode::block::Block;
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::plain::PlainParts;

/// The texts of memo entries that rows read; `None` of an entry that is no text.
pub(super) type Texts = HashMap<u64, Option<Box<str>>>;

/// Where the values of a column are.
#[derive(Debug)]
pub(super) enum Plan {
    /// A scalar or a list of scalars: the hole of this number.
    Hole(usize),
    /// An array of one dimension.
    Array { item: Scalar, len: Length, bytes: usize },
    /// A value for each field; `None` where the dict has no such key.
    Struct(Vec<Option<Plan>>),
    /// The same value in all rows.
    Constant(Constant),
}

/// The length of an array.
#[derive(Debug)]
pub(super) enum Length {
    Fixed(usize),
    /// The hole of this number.
    Hole(usize),
}

/// A value that is the same in all rows.
#[derive(Debug)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
}

/// Whether a row can be copied.
pub(super) enum Fit {
    Yes,
    No,
    /// The text of this memo entry has to be looked up first.
    Needs(u64),
}

impl Plan {
    /// Makes the plan of a column of values like `element`, of which `holes` are the nodes of the holes;
    /// `None` where these have to be decoded. Recurses as deep as the type of the column.
    pub(super) fn new(element: Element<'_>, column: &Column, holes: &[NodeId]) -> Option<Plan> {
        let value = element.value()?;
        let hole_of = |id: NodeId| holes.iter().position(|hole| *hole == id);
        if let Some(hole) = hole_of(value.id()) {
            // Where a list has items, other instructions than those of the hole add to it.
            let grows = matches!(element.kind(), Kind::List(items) if items.len() > 0);
            return (!grows).then_some(Plan::Hole(hole));
        }
        if let Column::List { items, .. } = column
            && let Some(parts) = PlainParts::find(value, element.context())
        {
            let [length] = value.at(parts.shape()).to_tuple()?;
            let len = match hole_of(length.id()) {
                Some(hole) => Length::Hole(hole),
                None => Length::Fixed(usize::try_from(length.as_int()?).ok()?),
            };
            let (item, bytes) = (parts.item(), hole_of(parts.bytes())?);
            let is_number =
                matches!(item.kind(), ScalarKind::Int | ScalarKind::Uint | ScalarKind::Float);
            let Column::Fixed { data_type, .. } = &**items else { return None };
            let is_same = is_number && type_of_scalar(item).is_ok_and(|found| found == *data_type);
            return is_same.then_some(Plan::Array { item, len, bytes });
        }
        match (element.kind(), column) {
            (Kind::Dict(_) | Kind::OrderedDict(_), Column::Struct { fields, columns, .. }) => {
                Plan::of_entries(element, fields, columns, holes).map(Plan::Struct)
            }
            (Kind::None, _) => Some(Plan::Constant(Constant::Null)),
            (Kind::Bool(bool), Column::Boolean(_)) => Some(Plan::Constant(Constant::Bool(bool))),
            (Kind::Int(int), Column::Fixed { data_type: DataType::Int64, .. }) => {
                Some(Plan::Constant(Constant::Int(int)))
            }
            (Kind::Int(int), Column::Fixed { data_type: DataType::Float64, .. }) => {
                Some(Plan::Constant(Constant::Float(int as f64)))
            }
            (Kind::Float(float), Column::Fixed { data_type: DataType::Float64, .. }) => {
                Some(Plan::Constant(Constant::Float(float)))
            }
            (Kind::Str(text), Column::Text { .. }) => {
                Some(Plan::Constant(Constant::Text(text.to_str()?.into())))
            }
            _ => None,
        }
    }

    /// Makes the plans of the columns of the values of a dict.
    pub(super) fn of_entries(
        element: Element<'_>,
        fields: &Fields,
        columns: &[Column],
        holes: &[NodeId],
    ) -> Option<Vec<Option<Plan>>> {
        let mut plans: Vec<Option<Plan>> = columns.iter().map(|_| None).collect();
        for (key, value) in element.as_entries().ok()? {
            let id = key.value()?.id();
            if holes.contains(&id) {
                return None;
            }
            let (index, _) = fields.find(&key.as_str().ok()?)?;
            if plans[index].is_some() {
                return None;
            }
            plans[index] = Some(Plan::new(value, &columns[index], holes)?);
        }
        Some(plans)
    }

    /// Returns whether a row can be copied to a column.
    pub(super) fn fits(&self, column: &Column, row: &[Hole], texts: &Texts) -> Fit {
        let is = |fits: bool| if fits { Fit::Yes } else { Fit::No };
        match (self, column) {
            (Plan::Constant(_), _) => Fit::Yes,
            (Plan::Struct(plans), Column::Struct { columns, .. }) => {
                all_fit(plans, columns, row, texts)
            }
            (Plan::Array { item, len, bytes }, _) => {
                let len = match *len {
                    Length::Fixed(len) => Some(len),
                    Length::Hole(hole) => match row.get(hole) {
                        Some(Hole::Int(len)) => usize::try_from(*len).ok(),
                        _ => None,
                    },
                };
                let size = len.and_then(|len| len.checked_mul(item.itemsize()));
                is(matches!(row.get(*bytes), Some(Hole::Bytes(found))
                    if size == Some(found.len as usize)))
            }
            (Plan::Hole(hole), column) => match (row.get(*hole), column) {
                (Some(Hole::None), _)
                | (Some(Hole::Str(_)), Column::Text { .. })
                | (Some(Hole::Bytes(_)), Column::Binary(_))
                | (Some(Hole::Bool(_)), Column::Boolean(_))
                | (Some(Hole::Int(_)), Column::Fixed { data_type: DataType::Int64, .. })
                | (
                    Some(Hole::Int(_) | Hole::Float(_)),
                    Column::Fixed { data_type: DataType::Float64, .. },
                ) => Fit::Yes,
                (Some(Hole::Get(memo)), Column::Text { .. }) => match texts.get(memo) {
                    Some(text) => is(text.is_some()),
                    None => Fit::Needs(*memo),
                },
                (Some(hole @ (Hole::Ints(list) | Hole::Floats(list))), Column::List { items, .. }) => {
                    is(match (&**items, hole) {
                        _ if list.len == 0 => true,
                        (Column::Fixed { data_type, .. }, Hole::Ints(_)) => {
                            matches!(data_type, DataType::Int64 | DataType::Float64)
                        }
                        (Column::Fixed { data_type, .. }, _) => *data_type == DataType::Float64,
                        _ => false,
                    })
                }
                _ => Fit::No,
            },
            _ => Fit::No,
        }
    }

    /// Copies rows of a block, which fit and have `count` holes each, to a column. Texts are not
    /// checked for UTF-8.
    pub(super) fn append(
        &self,
        column: &mut Column,
        block: &Block<'_>,
        rows: Range<usize>,
        count: usize,
        texts: &Texts,
    ) {
        match (self, column) {
            (Plan::Constant(constant), column) => rows.for_each(|_| constant.append(column)),
            (Plan::Struct(plans), Column::Struct { columns, nulls, .. }) => {
                append_all(plans, columns, block, rows.clone(), count, texts);
                nulls.append_n_non_nulls(rows.len());
            }
            (Plan::Array { bytes, .. }, Column::List { items, ends, nulls, .. }) => {
                let Column::Fixed { data_type, bytes: values, nulls: valid } = &mut **items else {
                    return;
                };
                let width = data_type.primitive_width().unwrap_or(1);
                let before = values.len();
                for row in rows.clone() {
                    if let Hole::Bytes(found) = block.row(row, count)[*bytes] {
                        values.extend_from_slice(found.of(block.bytes(row)));
                        ends.push((values.len() / width) as i64);
                    }
                }
                valid.append_n_non_nulls((values.len() - before) / width);
                nulls.append_n_non_nulls(rows.len());
            }
            (Plan::Hole(hole), column) => {
                append_hole(column, block, rows, (*hole, count), texts);
            }
            _ => unreachable!("rows were found to fit"),
        }
    }
}

/// Returns whether a row can be copied to these columns.
pub(super) fn all_fit(
    plans: &[Option<Plan>],
    columns: &[Column],
    row: &[Hole],
    texts: &Texts,
) -> Fit {
    for (plan, column) in plans.iter().zip(columns) {
        if let Some(plan) = plan {
            match plan.fits(column, row, texts) {
                Fit::Yes => {}
                other => return other,
            }
        }
    }
    Fit::Yes
}

/// Copies rows that fit to these columns; null where there is no plan.
pub(super) fn append_all(
    plans: &[Option<Plan>],
    columns: &mut [Column],
    block: &Block<'_>,
    rows: Range<usize>,
    count: usize,
    texts: &Texts,
) {
    for (plan, column) in plans.iter().zip(columns) {
        match plan {
            Some(plan) => plan.append(column, block, rows.clone(), count, texts),
            None => rows.clone().for_each(|_| column.append_null()),
        }
    }
}

/// Copies what fills one hole of all rows.
fn append_hole(
    column: &mut Column,
    block: &Block<'_>,
    rows: Range<usize>,
    (hole, count): (usize, usize),
    texts: &Texts,
) {
    let found = rows.map(|row| (row, block.row(row, count)[hole]));
    match column {
        Column::Text { values, ends, nulls } => {
            for (row, hole) in found {
                match hole {
                    Hole::Str(text) => values.extend_from_slice(text.of(block.bytes(row))),
                    Hole::Get(memo) => {
                        let text = texts.get(&memo).and_then(Option::as_deref);
                        values.extend_from_slice(text.unwrap_or_default().as_bytes());
                    }
                    _ => {}
                }
                ends.push(values.len() as i64);
                append_validity(nulls, hole);
            }
        }
        Column::Binary(builder) => {
            for (row, hole) in found {
                match hole {
                    Hole::Bytes(bytes) => builder.append_value(bytes.of(block.bytes(row))),
                    _ => builder.append_null(),
                }
            }
        }
        Column::Boolean(builder) => {
            for (_, hole) in found {
                match hole {
                    Hole::Bool(bool) => builder.append_value(bool),
                    _ => builder.append_null(),
                }
            }
        }
        Column::Fixed { data_type, bytes, nulls } => {
            let as_float = *data_type == DataType::Float64;
            for (_, hole) in found {
                let number = match hole {
                    Hole::Int(int) if as_float => (int as f64).to_le_bytes(),
                    Hole::Int(int) => int.to_le_bytes(),
                    Hole::Float(float) => float.to_le_bytes(),
                    _ => [0; 8],
                };
                let width = data_type.primitive_width().unwrap_or(8);
                bytes.extend_from_slice(&number[..width.min(8)]);
                append_validity(nulls, hole);
            }
        }
        Column::List { items, ends, nulls, .. } => {
            for (_, hole) in found {
                append_list(items, hole, block);
                ends.push(items.len() as i64);
                append_validity(nulls, hole);
            }
        }
        column => found.for_each(|_| column.append_null()),
    }
}

/// Appends the numbers of a list to the column of its items.
fn append_list(items: &mut Column, list: Hole, block: &Block<'_>) {
    let Column::Fixed { data_type, bytes, nulls } = items else { return };
    let len = match list {
        Hole::Ints(list) if *data_type == DataType::Float64 => {
            let ints = list.of(block.holes.ints());
            bytes.extend(ints.iter().map(|&int| int as f64));
            ints.len()
        }
        Hole::Ints(list) => {
            let ints = list.of(block.holes.ints());
            bytes.extend_from_slice(ints);
            ints.len()
        }
        Hole::Floats(list) => {
            let floats = list.of(block.holes.floats());
            bytes.extend_from_slice(floats);
            floats.len()
        }
        _ => 0,
    };
    nulls.append_n_non_nulls(len);
}

#[inline]
fn append_validity(nulls: &mut NullBufferBuilder, hole: Hole) {
    nulls.append(hole != Hole::None);
}

impl Constant {
    fn append(&self, column: &mut Column) {
        match (self, column) {
            (Constant::Bool(bool), Column::Boolean(builder)) => builder.append_value(*bool),
            (Constant::Int(int), Column::Fixed { bytes, nulls, .. }) => {
                bytes.extend_from_slice(&int.to_le_bytes());
                nulls.append_non_null();
            }
            (Constant::Float(float), Column::Fixed { bytes, nulls, .. }) => {
                bytes.extend_from_slice(&float.to_le_bytes());
                nulls.append_non_null();
            }
            (Constant::Text(text), Column::Text { values, ends, nulls }) => {
                values.extend_from_slice(text.as_bytes());
                ends.push(values.len() as i64);
                nulls.append_non_null();
            }
            (_, column) => column.append_null(),
        }
    }
}
