//! The directives: lines `{{#name arguments}}` in the chapters.
//!
//! | directive | shows |
//! |---|---|
//! | `map FIXTURE` | every byte of a file, coloured by the part of the file that it is in |
//! | `bytes FIXTURE FROM..TO` | bytes of a file, 16 a row |
//! | `preamble FIXTURE` | the parts of a preamble |
//! | `dis FIXTURE [FROM..TO]` | the instructions in a range of a file |
//! | `typed FIXTURE [FROM..TO]` | Python's lines of typed JSON for a file, or a range of them |
//! | `refused FIXTURE` | the place where a file breaks a clause, and the errors of npy-object and Python |
//! | `opcodes` | all opcodes |
//! | `clauses` | all clauses |
//! | `checks` | the fixtures and tests of each clause |
//! | `errors` | all rules for files, with the error for a file that breaks each |
//! | `conformance` | the clauses that each tested reader meets |
//! | `page PATH` | a page of the project, by its path from the root |

use std::fs;

use crate::expand::Specification;
use crate::fixtures::Fixture;
use crate::{clauses, dump, root, tables};

/// Returns the Markdown or HTML in place of a directive in the section of `clause`.
pub(crate) fn run(
    directive: &str,
    specification: &Specification,
    clause: Option<&str>,
) -> Result<String, String> {
    let (name, arguments) = directive.split_once(' ').unwrap_or((directive, ""));
    let (file, range) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let of_file = |show: &dyn Fn(&Fixture, &str) -> Result<String, String>| {
        let fixture = specification.fixtures.iter().find(|fixture| fixture.name == file);
        let fixture = fixture.ok_or_else(|| format!("there is no fixture {file}"))?;
        Ok(format!("{}\n{}", show(fixture, range)?, dump::caption(fixture)))
    };
    match name {
        "map" => of_file(&|fixture, _| dump::map(fixture)),
        "bytes" => of_file(&dump::bytes),
        "preamble" => of_file(&|fixture, _| dump::preamble(fixture)),
        "dis" => of_file(&dump::disassembly),
        "typed" => of_file(&dump::typed),
        "refused" => of_file(&|fixture, _| dump::refused(fixture, clause)),
        "opcodes" => Ok(tables::opcodes(specification)),
        "clauses" => Ok(tables::clauses(specification)),
        "checks" => Ok(clauses::checks(specification)),
        "errors" => Ok(tables::errors(specification)),
        "conformance" => tables::conformance(specification),
        "page" => fs::read_to_string(root().join(arguments))
            .map_err(|error| format!("{arguments}: {error}")),
        _ => Err(format!("there is no directive {name}")),
    }
}
