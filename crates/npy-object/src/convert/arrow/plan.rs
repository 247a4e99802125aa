//! Which hole of a skeleton fills which column, so that rows are copied without being decoded.
//!
//! A plan is made once for each skeleton, from the value of one row. A row whose holes are not of the
//! kinds that its columns take is decoded as an element. A property holds that both ways make the same
//! columns.

use std::collections::HashMap;
use std::mem::discriminant;

use arrow_buffer::NullBufferBuilder;
use arrow_schema::{DataType, Fields};
use npy_header::{Scalar, ScalarKind};
use pickle_stream::{Extent, Hole, NodeId};

use crate::convert::arrow::column::Column;
use crate::convert::arrow::infer::type_of_scalar;
use crate::convert::arrow::number;
use crate::decode::resident::{Resident, Run};
use crate::value::element::Element;
use crate::value::kind::Kind;
use crate::value::plain::PlainParts;

/// The texts of memo entries that rows read; `None` of an entry that is no text.
pub(super) type Texts = HashMap<u64, Option<Box<str>>>;

/// Where the values of all columns are, in the rows of one skeleton.
#[derive(Debug)]
pub(super) struct RowPlan {
    /// For each column; `None` where all values are null.
    columns: Vec<Option<Plan>>,
    /// The holes that fill no column, and what fills them in the row that was looked at: the version
    /// of an array, say. What fills them in another row has to be of the same kind.
    others: Vec<(usize, Hole)>,
    /// The holes that are lists, and the most items that a list may have.
    lists: Vec<usize>,
    most_items: usize,
}

/// Where the values of a column are.
#[derive(Debug)]
enum Plan {
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
enum Length {
    Fixed(usize),
    /// The hole of this number.
    Hole(usize),
}

/// A value that is the same in all rows.
#[derive(Debug)]
enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
}

/// The rows that can be copied.
pub(super) struct Fitting {
    /// How many of the first ones.
    pub(super) rows: usize,
    /// The memo entry whose text has to be looked up before the next one can be copied.
    pub(super) needs: Option<u64>,
}

impl RowPlan {
    /// More nodes than a value with a skeleton has, without the items of its lists.
    const NODES: usize = 1 << 10;

    /// Makes the plan of rows like `row`, whose value is `element`. `holes` are the nodes of its holes;
    /// the graph may have `nodes` of them. `fields` are the columns of dicts, and whether other keys are
    /// left out. Returns `None` where the values have to be decoded.
    pub(super) fn new(
        element: Element<'_>,
        row: &[Hole],
        holes: &[NodeId],
        columns: &[Column],
        fields: Option<(&Fields, bool)>,
        nodes: usize,
    ) -> Option<RowPlan> {
        let mut used = vec![false; row.len()];
        let plans = match (columns, fields) {
            (columns, Some((fields, leaves_out))) => {
                let used = leaves_out.then_some(&mut used[..]);
                Plan::of_entries(element, fields, columns, holes, used)?
            }
            ([column], None) => vec![Some(Plan::new(element, column, holes)?)],
            _ => return None,
        };
        plans.iter().flatten().for_each(|plan| plan.mark(&mut used));
        let others = row.iter().zip(0..).filter(|(_, hole)| !used[*hole]);
        let lists = row.iter().zip(0..).filter(|(hole, _)| list_len(hole).is_some());
        Some(RowPlan {
            columns: plans,
            others: others.map(|(filling, hole)| (hole, *filling)).collect(),
            lists: lists.map(|(_, hole)| hole).collect(),
            most_items: nodes.saturating_sub(RowPlan::NODES),
        })
    }

    /// Returns how many of the first rows can be copied to the columns, and the memo entry whose text
    /// has to be looked up before the next one can.
    pub(super) fn fitting(&self, columns: &[Column], run: &Run<'_>, texts: &Texts) -> Fitting {
        let of_columns = all_fitting(&self.columns, columns, run, texts);
        let others = self.others.iter().map(|(hole, sample)| {
            run.column(*hole).take_while(|filling| is_like(**filling, *sample)).count()
        });
        let lists = self.lists.iter().map(|hole| {
            let is_short = |list: &&Hole| list_len(list).is_none_or(|len| len <= self.most_items);
            run.column(*hole).take_while(is_short).count()
        });
        let rows = others.chain(lists).min().unwrap_or(usize::MAX);
        if rows < of_columns.rows { Fitting { rows, needs: None } } else { of_columns }
    }

    /// Copies rows, which fit, to the columns. Texts are not checked for UTF-8.
    pub(super) fn append(
        &self,
        columns: &mut [Column],
        block: &Resident<'_>,
        run: &Run<'_>,
        texts: &Texts,
    ) {
        append_all(&self.columns, columns, block, run, texts);
    }
}

/// Returns the number of items of a list of numbers.
fn list_len(hole: &Hole) -> Option<usize> {
    match hole {
        Hole::Ints(list) | Hole::Floats(list) => Some(list.len as usize),
        _ => None,
    }
}

/// Returns whether two holes are filled with values of one kind, or with the same memo entry.
fn is_like(one: Hole, other: Hole) -> bool {
    match (one, other) {
        (Hole::Get(one), Hole::Get(other)) => one == other,
        (one, other) => discriminant(&one) == discriminant(&other),
    }
}

impl Plan {
    /// Marks the holes that fill the column.
    fn mark(&self, used: &mut [bool]) {
        match self {
            Plan::Hole(hole) => used[*hole] = true,
            Plan::Array { len, bytes, .. } => {
                used[*bytes] = true;
                if let Length::Hole(len) = len {
                    used[*len] = true;
                }
            }
            Plan::Struct(plans) => plans.iter().flatten().for_each(|plan| plan.mark(used)),
            Plan::Constant(_) => {}
        }
    }

    /// Makes the plan of a column of values like `element`, of which `holes` are the nodes of the holes;
    /// `None` where these have to be decoded. Recurses as deep as the type of the column.
    fn new(element: Element<'_>, column: &Column, holes: &[NodeId]) -> Option<Plan> {
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
            if hole_of(parts.version()).is_some() {
                return None;
            }
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
                Plan::of_entries(element, fields, columns, holes, None).map(Plan::Struct)
            }
            (Kind::None, _) => Some(Plan::Constant(Constant::Null)),
            (Kind::Bool(bool), Column::Boolean(_)) => Some(Plan::Constant(Constant::Bool(bool))),
            (Kind::Int(int), Column::Fixed { data_type: DataType::Int64, .. }) => {
                Some(Plan::Constant(Constant::Int(int)))
            }
            (Kind::Int(int), Column::Fixed { data_type: DataType::Float64, .. })
                if number::is_float(int) =>
            {
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

    /// Makes the plans of the columns of the values of a dict. With `left_out`, keys without a column
    /// are left out; a hole that is the value of one is marked there, as it may be filled in any way.
    fn of_entries(
        element: Element<'_>,
        fields: &Fields,
        columns: &[Column],
        holes: &[NodeId],
        mut left_out: Option<&mut [bool]>,
    ) -> Option<Vec<Option<Plan>>> {
        let mut plans: Vec<Option<Plan>> = columns.iter().map(|_| None).collect();
        for (key, value) in element.as_entries().ok()? {
            let id = key.value()?.id();
            if holes.contains(&id) {
                return None;
            }
            let Some((index, _)) = fields.find(&key.as_str().ok()?) else {
                let left_out = left_out.as_deref_mut()?;
                let id = value.value()?.id();
                if let Some(hole) = holes.iter().position(|hole| *hole == id) {
                    left_out[hole] = true;
                }
                continue;
            };
            if plans[index].is_some() {
                return None;
            }
            plans[index] = Some(Plan::new(value, &columns[index], holes)?);
        }
        Some(plans)
    }

    /// Returns how many of the first rows can be copied to a column: see [`RowPlan::fitting`].
    fn fitting(&self, column: &Column, run: &Run<'_>, texts: &Texts) -> Fitting {
        match (self, column) {
            (Plan::Constant(_), _) => Fitting::all(run),
            (Plan::Struct(plans), Column::Struct { columns, .. }) => {
                all_fitting(plans, columns, run, texts)
            }
            (Plan::Array { item, len, bytes }, _) => {
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
            (Plan::Hole(hole), Column::Text { .. }) => {
                let known = |memo: &u64| texts.get(memo).is_some_and(|text| text.is_some());
                let fits = |hole: &&Hole| match hole {
                    Hole::Str(_) | Hole::None => true,
                    Hole::Get(memo) => known(memo),
                    _ => false,
                };
                let rows = run.column(*hole).take_while(fits).count();
                let needs = match run.column(*hole).nth(rows) {
                    Some(Hole::Get(memo)) if !texts.contains_key(memo) => Some(*memo),
                    _ => None,
                };
                Fitting { rows, needs }
            }
            (Plan::Hole(hole), column) => {
                let fits = |hole: &&Hole| match (hole, column) {
                    (Hole::None, _)
                    | (Hole::Bytes(_), Column::Binary(_))
                    | (Hole::Bool(_), Column::Boolean(_)) => true,
                    (Hole::Int(int), Column::Fixed { data_type, .. }) => {
                        holds_ints(data_type, &[*int])
                    }
                    (Hole::Float(_), Column::Fixed { data_type, .. }) => is_float(data_type),
                    (Hole::Ints(list) | Hole::Floats(list), Column::List { items, .. }) => {
                        match (&**items, hole) {
                            _ if list.len == 0 => true,
                            (Column::Fixed { data_type, .. }, Hole::Ints(list)) => {
                                holds_ints(data_type, list.of(run.lists.ints()))
                            }
                            (Column::Fixed { data_type, .. }, _) => is_float(data_type),
                            _ => false,
                        }
                    }
                    _ => false,
                };
                Fitting { rows: run.column(*hole).take_while(fits).count(), needs: None }
            }
            _ => Fitting { rows: 0, needs: None },
        }
    }

    /// Copies rows, which fit, to a column. Texts are not checked for UTF-8.
    fn append(&self, column: &mut Column, block: &Resident<'_>, run: &Run<'_>, texts: &Texts) {
        let rows = run.members.clone();
        match (self, column) {
            (Plan::Constant(constant), column) => rows.for_each(|_| constant.append(column)),
            (Plan::Struct(plans), Column::Struct { columns, nulls, .. }) => {
                append_all(plans, columns, block, run, texts);
                nulls.append_n_non_nulls(rows.len());
            }
            (Plan::Array { bytes, .. }, Column::List { items, ends, nulls, .. }) => {
                let Column::Fixed { data_type, bytes: values, nulls: valid } = &mut **items else {
                    return;
                };
                let width = data_type.primitive_width().unwrap_or(1);
                let before = values.len();
                nulls.append_n_non_nulls(rows.len());
                for (row, hole) in rows.zip(run.column(*bytes)) {
                    if let Hole::Bytes(found) = hole {
                        values.extend_from_slice(found.of(block.bytes(row)));
                        ends.push((values.len() / width) as i64);
                    }
                }
                valid.append_n_non_nulls((values.len() - before) / width);
            }
            (Plan::Hole(hole), column) => append_hole(column, block, run, *hole, texts),
            _ => unreachable!("rows were found to fit"),
        }
    }
}

fn is_float(data_type: &DataType) -> bool {
    *data_type == DataType::Float64
}

/// Returns whether a column has ints as they are, or as floats exactly.
fn holds_ints(data_type: &DataType, ints: &[i64]) -> bool {
    match data_type {
        DataType::Float64 => ints.iter().all(|&int| number::is_float(int)),
        other => *other == DataType::Int64,
    }
}

fn is_int_or_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::Float64)
}

impl Fitting {
    fn all(run: &Run<'_>) -> Fitting {
        Fitting { rows: run.members.len(), needs: None }
    }
}

/// Returns how many of the first rows can be copied to these columns.
fn all_fitting(
    plans: &[Option<Plan>],
    columns: &[Column],
    run: &Run<'_>,
    texts: &Texts,
) -> Fitting {
    let pairs = plans.iter().zip(columns);
    let each = pairs.filter_map(|(plan, column)| Some(plan.as_ref()?.fitting(column, run, texts)));
    each.fold(Fitting::all(run), |all, one| if one.rows < all.rows { one } else { all })
}

/// Copies rows that fit to these columns; null where there is no plan.
fn append_all(
    plans: &[Option<Plan>],
    columns: &mut [Column],
    block: &Resident<'_>,
    run: &Run<'_>,
    texts: &Texts,
) {
    for (plan, column) in plans.iter().zip(columns) {
        match plan {
            Some(plan) => plan.append(column, block, run, texts),
            None => run.members.clone().for_each(|_| column.append_null()),
        }
    }
}

/// Copies what fills one hole of all rows.
fn append_hole(
    column: &mut Column,
    block: &Resident<'_>,
    run: &Run<'_>,
    hole: usize,
    texts: &Texts,
) {
    match column {
        Column::Text { values, ends, .. } => {
            ends.reserve(run.members.len());
            for (row, hole) in run.members.clone().zip(run.column(hole)) {
                match hole {
                    Hole::Str(text) => append_text(values, *text, block.bytes(row)),
                    Hole::Get(memo) => {
                        let text = texts.get(memo).and_then(Option::as_deref);
                        values.extend_from_slice(text.unwrap_or_default().as_bytes());
                    }
                    _ => {}
                }
                ends.push(values.len() as i64);
            }
        }
        Column::Binary(builder) => {
            for (row, hole) in run.members.clone().zip(run.column(hole)) {
                match hole {
                    Hole::Bytes(bytes) => builder.append_value(bytes.of(block.bytes(row))),
                    _ => builder.append_null(),
                }
            }
        }
        Column::Boolean(builder) => {
            for hole in run.column(hole) {
                match hole {
                    Hole::Bool(bool) => builder.append_value(*bool),
                    _ => builder.append_null(),
                }
            }
        }
        Column::Fixed { data_type, bytes, .. } if is_int_or_float(data_type) => {
            let as_float = is_float(data_type);
            bytes.extend(run.column(hole).map(|hole| match *hole {
                Hole::Int(int) if as_float => (int as f64).to_bits(),
                Hole::Int(int) => int as u64,
                Hole::Float(float) => float.to_bits(),
                _ => 0,
            }));
        }
        Column::List { items, ends, .. } => {
            for hole in run.column(hole) {
                append_list(items, *hole, block);
                ends.push(items.len() as i64);
            }
        }
        // None in a column of any other type.
        column => {
            run.members.clone().for_each(|_| column.append_null());
            return;
        }
    }
    if let Column::Text { nulls, .. } | Column::Fixed { nulls, .. } | Column::List { nulls, .. } =
        column
    {
        append_validity(nulls, run, hole);
    }
}

/// Appends a text, of a row whose bytes come first in `bytes`.
#[inline(always)]
fn append_text(values: &mut Vec<u8>, text: Extent, bytes: &[u8]) {
    let rest = bytes.get(text.start as usize..).unwrap_or_default();
    let len = text.len as usize;
    match rest.first_chunk::<SHORT>() {
        // A copy of a fixed size is a few instructions, one of any size is a call.
        Some(chunk) if len <= SHORT => {
            let end = values.len() + len;
            values.extend_from_slice(chunk);
            values.truncate(end);
        }
        _ => values.extend_from_slice(rest.get(..len).unwrap_or_default()),
    }
}

/// The bytes of a text that is copied together with what comes after it.
const SHORT: usize = 32;

/// Appends the numbers of a list to the column of its items.
fn append_list(items: &mut Column, list: Hole, block: &Resident<'_>) {
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

/// Appends which rows of a hole are not None.
fn append_validity(nulls: &mut NullBufferBuilder, run: &Run<'_>, hole: usize) {
    let mut valid = 0;
    for hole in run.column(hole) {
        if *hole == Hole::None {
            nulls.append_n_non_nulls(std::mem::take(&mut valid));
            nulls.append_null();
        } else {
            valid += 1;
        }
    }
    nulls.append_n_non_nulls(valid);
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
