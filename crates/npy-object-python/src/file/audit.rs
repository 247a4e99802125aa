//! `audit`: lists the names that `numpy.load` would import and call.

use npy_object::audit::{Part, Tally};
use npy_object::pickle::printable;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::file::settings::Settings;
use crate::file::source::Input;
use crate::html::page::Page;

/// The result of `audit`: the names that a file uses, and how dangerous they are.
///
/// It has no truth value: ask `is_inert`.
#[pyclass(frozen, get_all, module = "npy_object")]
pub(crate) struct Audit {
    /// The verdict of the worst use: "inert", "unknown" or "dangerous".
    verdict: &'static str,
    /// "complete" if the whole file was read and understood, otherwise "incomplete".
    status: &'static str,
    /// Where and why reading stopped before the end of the file; None if it did not.
    incomplete: Option<String>,
    /// A use for each name in the file, the worst first.
    uses: Vec<Py<Use>>,
    /// Descriptions, with their place, of oddities that no pickler writes: overwritten memo entries,
    /// instructions across two frames, bytes after the last array.
    odd: Vec<String>,
    /// The errors in the file, as exceptions; names before an error are in `uses`.
    errors: Vec<Py<PyAny>>,
}

/// The use of one name by a file.
///
/// Each kind of use is a pair of how often it occurs and the byte of its first occurrence, or None if it
/// does not occur.
#[pyclass(frozen, get_all, module = "npy_object")]
pub(crate) struct Use {
    /// The name, as "module.name".
    what: String,
    /// The member of the archive in which the name is.
    member: Option<String>,
    /// The verdict: "inert", "unknown" or "dangerous".
    verdict: &'static str,
    /// The reason for the verdict; empty if there is none.
    reason: &'static str,
    /// Imports of the name.
    imported: Option<(u64, u64)>,
    /// Calls of the function or class.
    called: Option<(u64, u64)>,
    /// Calls of the result of a call.
    result_called: Option<(u64, u64)>,
    /// States set on the function or class itself.
    changed: Option<(u64, u64)>,
    /// States set on the result of a call.
    result_changed: Option<(u64, u64)>,
    /// Items added to the object, or to the result of a call.
    added: Option<(u64, u64)>,
}

/// Lists the names that `numpy.load(source, allow_pickle=True)` would import and call, without importing
/// or calling them.
///
/// Reads every array and pickle in the file, and every member of an archive. The verdict is "inert" if
/// the file makes only plain values; "dangerous" if it runs code or commands, opens files, changes
/// objects of the program or corrupts memory; "unknown" for all other names, and if the file could not
/// be read to its end.
///
/// allow: names to trust: "module.name", or "package.*" for the undotted names in the modules of a
/// package, except those that are known to be dangerous.
///
/// >>> import npy_object, os, pickle
/// >>> class Evil:
/// ...     def __reduce__(self):
/// ...         return os.system, ("true",)
/// >>> found = npy_object.audit(pickle.dumps(Evil()))
/// >>> found.is_inert, found.verdict, found.uses[0].reason
/// (False, 'dangerous', 'runs commands, changes files')
#[pyfunction]
#[pyo3(signature = (source, *, allow=Vec::new()), text_signature = "(source, *, allow=())")]
pub(crate) fn audit(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    allow: Vec<String>,
) -> PyResult<Audit> {
    let input = Input::of(source, false)?;
    let audit = npy_object::Audit::new().options(Settings::default().options()?);
    let audit = allow.iter().try_fold(audit, |audit, name| audit.allow(name));
    let audit = audit.map_err(|error| raise(py, &error))?;
    let report = py.detach(|| audit.read(input.source));
    let mut uses: Vec<Use> = report.parts.iter().flat_map(uses_of).collect();
    uses.sort_by_key(|found| match found.verdict {
        "dangerous" => 0,
        "unknown" => 1,
        _ => 2,
    });
    let errors = report.parts.iter().filter_map(|part| part.error.as_ref());
    let status = report.status();
    Ok(Audit {
        verdict: report.verdict().name(),
        status: status.name(),
        incomplete: (!status.is_complete()).then(|| status.to_string()),
        uses: uses.into_iter().map(|found| Py::new(py, found)).collect::<PyResult<_>>()?,
        odd: report.parts.iter().flat_map(Part::oddities).collect(),
        errors: errors.map(|error| raise(py, error).into_value(py).into_any()).collect(),
    })
}

fn uses_of(part: &Part) -> impl Iterator<Item = Use> + '_ {
    let tally = |tally: Tally| (tally.count > 0).then_some((tally.count, tally.first));
    part.uses.iter().map(move |(name, found)| Use {
        what: name.to_string(),
        member: part.member.clone(),
        verdict: found.verdict.name(),
        reason: found.reason,
        imported: tally(found.imported),
        called: tally(found.called),
        result_called: tally(found.result_called),
        changed: tally(found.changed),
        result_changed: tally(found.result_changed),
        added: tally(found.added),
    })
}

#[pymethods]
impl Audit {
    /// Whether the file makes only plain values, and was read to its end.
    #[getter]
    fn is_inert(&self) -> bool {
        self.verdict == "inert"
    }

    /// Whether the whole file was read and understood.
    #[getter]
    fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }

    fn __bool__(&self) -> PyResult<bool> {
        let message = "an audit is neither true nor false: ask is_inert, or compare its verdict";
        Err(PyTypeError::new_err(message))
    }

    fn __repr__(&self) -> String {
        let names: Vec<_> =
            self.uses.iter().map(|found| printable(&found.get().what).into_owned()).collect();
        let status = if self.is_complete() { "" } else { ", incomplete" };
        format!("<npy_object.Audit: {}{status}: {}>", self.verdict, names.join(", "))
    }

    /// Returns what notebooks show: the verdict, and the first names with their reasons.
    fn _repr_html_(&self) -> String {
        const SHOWN: usize = 20;
        let mut page = Page::new("npy_object.Audit", self.status);
        let class = if self.is_inert() { "npyo-good" } else { "npyo-bad" };
        page.line(class, self.verdict);
        if let Some(why) = &self.incomplete {
            page.error(why);
        }
        let row = |found: &Py<Use>| {
            let Use { what, member, verdict, reason, .. } = found.get();
            let member = member.clone().unwrap_or_default();
            [what.clone(), (*verdict).to_owned(), (*reason).to_owned(), member]
        };
        let rows: Vec<_> = self.uses.iter().take(SHOWN).map(row).collect();
        if !rows.is_empty() {
            page.table(["name", "verdict", "reason", "member"], &rows);
        }
        if self.uses.len() > SHOWN {
            page.line("npyo-dim", &format!("… {} more", self.uses.len() - SHOWN));
        }
        for odd in self.odd.iter().take(SHOWN) {
            page.line("npyo-dim", odd);
        }
        page.finish()
    }
}

#[pymethods]
impl Use {
    fn __repr__(&self) -> String {
        format!("<npy_object.Use: {}, {}>", printable(&self.what), self.verdict)
    }
}
