//! Objects of rows: elements whose skeleton has a plan, which are made without being decoded.

use std::sync::Arc;

use npy_object::pickle::{Hole, Kind};
use npy_object::{ArrayPlan, BlockRow, BlockRows, Constant, Element, Plan, RowPlan};
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyList, PyString, PyTuple};

use super::maker::{Maker, surrogates};
use super::plans::{Part, RowObjects};

/// The reason why the object of a row was not made.
pub(crate) enum Unmade {
    /// The definition of this memo entry is needed first: see [`Maker::define`].
    Needs(u64),
    /// This number of elements has to be decoded.
    Decode(usize),
    Failed(PyErr),
}

impl From<PyErr> for Unmade {
    fn from(error: PyErr) -> Unmade {
        Unmade::Failed(error)
    }
}

impl Maker {
    /// Makes the objects of rows, and pushes them to `made`, up to the first that cannot be made.
    pub(crate) fn rows<'py>(
        &mut self,
        py: Python<'py>,
        rows: &BlockRows<'_>,
        made: &mut Vec<Py<PyAny>>,
    ) -> Result<(), Unmade> {
        let plan = rows.plan();
        let known = self.rows.plans.iter().position(|(known, _)| Arc::ptr_eq(known, plan));
        let index = match known {
            Some(index) => index,
            None => {
                let part = self.part(py, plan.value())?;
                self.rows.plans.truncate(RowObjects::PLANS - 1);
                self.rows.plans.insert(0, (Arc::clone(plan), part));
                0
            }
        };
        let Some(part) = &self.rows.plans[index].1 else { return Err(Unmade::Decode(rows.len())) };
        for row in rows.iter() {
            if !plan.fits(row) {
                return Err(Unmade::Decode(1));
            }
            made.push(self.make_part(py, part, plan, row)?.unbind());
        }
        Ok(())
    }

    /// Keeps the object of a memo entry that rows read, if it is immutable: the same object is then in
    /// all elements, as in `pickle`. An element that reads another one is decoded.
    pub(crate) fn define(
        &mut self,
        py: Python<'_>,
        memo: u64,
        element: Option<Element<'_>>,
    ) -> PyResult<()> {
        let is_immutable = |element: &Element<'_>| {
            matches!(
                element.value().map(|value| value.kind()),
                Some(
                    Kind::None
                        | Kind::Bool(_)
                        | Kind::Int(_)
                        | Kind::Long(_)
                        | Kind::Float(_)
                        | Kind::Str(_)
                        | Kind::Bytes(_)
                )
            )
        };
        let object = element.filter(is_immutable).map(|element| self.make(py, element));
        let object = object.transpose()?.map(Bound::unbind);
        self.rows.definitions.insert(memo, object);
        Ok(())
    }

    /// Makes the objects that all rows of a plan have; `None` where rows have to be decoded. Recurses as
    /// deep as a plan, 16 levels at most.
    fn part(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<Option<Part>> {
        Ok(Some(match plan {
            Plan::Hole(hole) => Part::Hole(*hole),
            Plan::Constant(constant) => match constant_object(py, constant)? {
                Some(object) => Part::Object(object.unbind()),
                None => return Ok(None),
            },
            Plan::Array(array) => {
                Part::Array(self.dtypes.of_scalar(py, array.item())?.unbind(), array.clone())
            }
            Plan::List(items) => match self.parts(py, items)? {
                Some(items) => Part::List(items),
                None => return Ok(None),
            },
            Plan::Tuple(items) => match self.parts(py, items)? {
                Some(items) => Part::Tuple(items),
                None => return Ok(None),
            },
            Plan::Dict(entries) => {
                let mut parts = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let Some(value) = self.part(py, value)? else { return Ok(None) };
                    parts.push((self.strings.get(py, key).unbind(), value));
                }
                Part::Dict(parts)
            }
            _ => return Ok(None),
        }))
    }

    fn parts(&mut self, py: Python<'_>, plans: &[Plan]) -> PyResult<Option<Vec<Part>>> {
        plans.iter().map(|plan| self.part(py, plan)).collect()
    }

    /// Makes the object of a part of a row. Recurses as deep as a plan.
    #[inline]
    fn make_part<'py>(
        &self,
        py: Python<'py>,
        part: &Part,
        plan: &RowPlan,
        row: BlockRow<'_>,
    ) -> Result<Bound<'py, PyAny>, Unmade> {
        let make = |part: &Part| self.make_part(py, part, plan, row);
        Ok(match part {
            Part::Hole(hole) => match row.holes.get(*hole) {
                Some(&hole) => self.hole(py, hole, plan, row)?,
                None => return Err(Unmade::Decode(1)),
            },
            Part::Object(object) => object.bind(py).clone(),
            Part::Array(dtype, array) => self.array_of_row(dtype.bind(py), array, row)?,
            Part::List(items) => {
                let items = items.iter().map(make).collect::<Result<Vec<_>, _>>()?;
                PyList::new(py, items)?.into_any()
            }
            Part::Tuple(items) => {
                let items = items.iter().map(make).collect::<Result<Vec<_>, _>>()?;
                PyTuple::new(py, items)?.into_any()
            }
            Part::Dict(entries) => {
                let dict = PyDict::new(py);
                for (key, value) in entries {
                    dict.set_item(key.bind(py), make(value)?)?;
                }
                dict.into_any()
            }
        })
    }

    /// Makes the object of what fills a hole.
    #[inline]
    fn hole<'py>(
        &self,
        py: Python<'py>,
        hole: Hole,
        plan: &RowPlan,
        row: BlockRow<'_>,
    ) -> Result<Bound<'py, PyAny>, Unmade> {
        Ok(match hole {
            Hole::None => py.None().into_bound(py),
            Hole::Bool(bool) => PyBool::new(py, bool).to_owned().into_any(),
            Hole::Int(int) => int.into_pyobject(py).map_err(PyErr::from)?.into_any(),
            Hole::Float(float) => PyFloat::new(py, float).into_any(),
            Hole::Str(text) => {
                let text = text.of(row.bytes);
                match PyString::from_bytes(py, text) {
                    Ok(string) => string.into_any(),
                    // Decoding says where a text is not UTF-8.
                    Err(_) => surrogates(py, text).map_err(|_| Unmade::Decode(1))?,
                }
            }
            Hole::Bytes(bytes) => PyBytes::new(py, bytes.of(row.bytes)).into_any(),
            Hole::Get(memo) => match self.rows.definitions.get(memo) {
                Some(Some(object)) => object.bind(py).clone(),
                Some(None) => return Err(Unmade::Decode(1)),
                None => return Err(Unmade::Needs(memo)),
            },
            Hole::Ints(list) => PyList::new(py, list.of(row.lists.ints()))?.into_any(),
            Hole::Floats(list) => PyList::new(py, list.of(row.lists.floats()))?.into_any(),
            Hole::Items(list) => {
                let items = list.of(row.lists.items()).iter();
                let items = items.map(|&item| match self.hole(py, item, plan, row) {
                    // A list may have any number of definitions, and is begun again after each lookup.
                    Err(Unmade::Needs(_)) => Err(Unmade::Decode(1)),
                    made => made,
                });
                PyList::new(py, items.collect::<Result<Vec<_>, _>>()?)?.into_any()
            }
            Hole::Str2(bytes) => {
                let bytes = bytes.of(row.bytes);
                match plan.text(bytes) {
                    Some(text) => PyString::new(py, &text).into_any(),
                    None => PyBytes::new(py, bytes).into_any(),
                }
            }
        })
    }

    fn array_of_row<'py>(
        &self,
        dtype: &Bound<'py, PyArrayDescr>,
        array: &ArrayPlan,
        row: BlockRow<'_>,
    ) -> Result<Bound<'py, PyAny>, Unmade> {
        let (mut few, mut many) = ([0; 4], Vec::new());
        let shape = match few.get_mut(..array.dimensions()) {
            Some(shape) => shape,
            None => {
                many.resize(array.dimensions(), 0);
                &mut many[..]
            }
        };
        let (bytes, fortran_order) = array.read(row, shape).ok_or(Unmade::Decode(1))?;
        Ok(self.array_of(dtype.clone(), shape, fortran_order, bytes)?)
    }
}

fn constant_object<'py>(
    py: Python<'py>,
    constant: &Constant,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Some(match constant {
        Constant::None => py.None().into_bound(py),
        Constant::Bool(bool) => PyBool::new(py, *bool).to_owned().into_any(),
        Constant::Int(int) => int.into_pyobject(py)?.into_any(),
        Constant::Float(float) => PyFloat::new(py, *float).into_any(),
        Constant::Str(text) => PyString::new(py, text).into_any(),
        Constant::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        _ => return Ok(None),
    }))
}
