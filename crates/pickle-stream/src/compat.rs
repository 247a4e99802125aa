//! Names that Python 2 and Python 3 spell differently, as pickle's `fix_imports` maps them.
//!
//! `pickle.load` maps the names in pickles of protocol 0 to 2 to those of Python 3, and
//! `pickle.dump` maps the names in pickles of these protocols to those of Python 2. Names in
//! protocol 3 and later are those of Python 3.

/// The tables of CPython's `_compat_pickle`, each sorted by its first column.
struct Tables {
    python_3_names: Names,
    python_3_modules: Modules,
    python_2_names: Names,
    python_2_modules: Modules,
}

type Pair<'a> = (&'a str, &'a str);
type Names = &'static [(Pair<'static>, Pair<'static>)];
type Modules = &'static [Pair<'static>];

static TABLES: Tables = include!("compat/tables.in");

/// Returns the module and name by which Python 3 imports a name of Python 2.
///
/// ```
/// assert_eq!(pickle_stream::to_python_3("__builtin__", "xrange"), ("builtins", "range"));
/// assert_eq!(pickle_stream::to_python_3("numpy", "ndarray"), ("numpy", "ndarray"));
/// ```
pub fn to_python_3<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    renamed(TABLES.python_3_names, TABLES.python_3_modules, module, name)
}

/// Returns the module and name by which Python 2 imports a name of Python 3.
///
/// ```
/// assert_eq!(pickle_stream::to_python_2("copyreg", "pickle"), ("copy_reg", "pickle"));
/// assert_eq!(pickle_stream::to_python_2("builtins", "str"), ("__builtin__", "unicode"));
/// ```
pub fn to_python_2<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    renamed(TABLES.python_2_names, TABLES.python_2_modules, module, name)
}

/// Looks a name up, then its module. The module of a name that was found is not looked up.
fn renamed<'a>(names: Names, modules: Modules, module: &'a str, name: &'a str) -> Pair<'a> {
    if let Some(found) = look_up(names, (module, name)) {
        return found;
    }
    (look_up(modules, module).unwrap_or(module), name)
}

fn look_up<T: Ord + Copy>(table: &[(T, T)], wanted: T) -> Option<T> {
    let place = table.binary_search_by(|(from, _)| from.cmp(&wanted)).ok()?;
    table.get(place).map(|&(_, to)| to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for names in [TABLES.python_3_names, TABLES.python_2_names] {
            assert!(names.is_sorted_by(|one, next| one.0 < next.0));
        }
        for modules in [TABLES.python_3_modules, TABLES.python_2_modules] {
            assert!(modules.is_sorted_by(|one, next| one.0 < next.0));
        }
    }

    #[test]
    fn name_comes_before_module() {
        assert_eq!(to_python_3("UserDict", "UserDict"), ("collections", "UserDict"));
        assert_eq!(to_python_3("__builtin__", "reduce"), ("functools", "reduce"));
        assert_eq!(to_python_3("__builtin__", "set"), ("builtins", "set"));
        assert_eq!(to_python_3("numpy", "ndarray"), ("numpy", "ndarray"));
        assert_eq!(to_python_2("builtins", "range"), ("__builtin__", "xrange"));
        assert_eq!(to_python_2("builtins", "set"), ("__builtin__", "set"));
        assert_eq!(to_python_2("functools", "partial"), ("functools", "partial"));
    }
}
