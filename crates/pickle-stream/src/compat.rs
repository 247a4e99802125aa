//! Names that differ between Python 2 and Python 3, as pickle's `fix_imports` maps them.
//!
//! `pickle.load` maps the names in pickles of protocols 0 to 2 to those of Python 3, and
//! `pickle.dump` maps names to those of Python 2 in these protocols. Names in protocol 3 and later
//! are those of Python 3.

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

const TABLES: Tables = include!("compat/tables.in");

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

/// Returns whether names of this module may differ in Python 3. A bit per hash decides for nearly
/// all modules, because the globals of old pickles are looked at often.
#[inline]
pub(crate) fn may_be_of_python_2(module: &[u8]) -> bool {
    static MODULES: [u64; BITS / 64] = {
        let (mut bits, mut index) = ([0; BITS / 64], 0);
        while index < TABLES.python_3_names.len() {
            let bit = bit_of(TABLES.python_3_names[index].0.0.as_bytes());
            bits[bit / 64] |= 1 << (bit % 64);
            index += 1;
        }
        index = 0;
        while index < TABLES.python_3_modules.len() {
            let bit = bit_of(TABLES.python_3_modules[index].0.as_bytes());
            bits[bit / 64] |= 1 << (bit % 64);
            index += 1;
        }
        bits
    };
    let bit = bit_of(module);
    MODULES[bit / 64] & 1 << (bit % 64) != 0
}

const BITS: usize = 1024;

/// Returns a hash below [`BITS`].
const fn bit_of(module: &[u8]) -> usize {
    match module {
        [first, .., last] => (*first as usize * 31 + *last as usize * 7 + module.len()) % BITS,
        _ => module.len(),
    }
}

/// Returns whether the names in pickles of this protocol are those of Python 2.
pub(crate) fn has_python_2_names(protocol: u8) -> bool {
    protocol < 3
}

/// Looks up a name, then its module if the name is not found.
fn renamed<'a>(names: Names, modules: Modules, module: &'a str, name: &'a str) -> Pair<'a> {
    if let Some(found) = look_up(names, (module, name)) {
        return found;
    }
    (look_up(modules, module).unwrap_or(module), name)
}

fn look_up<T: Ord + Copy>(table: &[(T, T)], wanted: T) -> Option<T> {
    let index = table.binary_search_by(|(from, _)| from.cmp(&wanted)).ok()?;
    table.get(index).map(|&(_, to)| to)
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
    fn filter_misses_no_module_of_python_2() {
        for ((module, _), _) in TABLES.python_3_names {
            assert!(may_be_of_python_2(module.as_bytes()), "{module}");
        }
        for (module, _) in TABLES.python_3_modules {
            assert!(may_be_of_python_2(module.as_bytes()), "{module}");
        }
        for module in ["numpy", "numpy.core.multiarray", "_codecs", "datetime", "decimal"] {
            assert!(!may_be_of_python_2(module.as_bytes()), "{module}");
        }
    }

    #[test]
    fn name_is_looked_up_before_its_module() {
        assert_eq!(to_python_3("UserDict", "UserDict"), ("collections", "UserDict"));
        assert_eq!(to_python_3("__builtin__", "reduce"), ("functools", "reduce"));
        assert_eq!(to_python_3("__builtin__", "set"), ("builtins", "set"));
        assert_eq!(to_python_3("numpy", "ndarray"), ("numpy", "ndarray"));
        assert_eq!(to_python_2("builtins", "range"), ("__builtin__", "xrange"));
        assert_eq!(to_python_2("builtins", "set"), ("__builtin__", "set"));
        assert_eq!(to_python_2("functools", "partial"), ("functools", "partial"));
    }
}
