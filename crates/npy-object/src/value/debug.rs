//! `Debug` of elements: a sketch that is bounded in depth and in length.

use std::fmt;

use npy_header::{DType, ScalarKind};
use pickle_stream::{Shown, printable, short_bytes, short_str, sketch};

use crate::value::array::{Array, Data};
use crate::value::dtype::ItemType;
use crate::value::element::Element;
use crate::value::items::{Entries, Items};
use crate::value::kind::Kind;
use crate::value::object::Object;
use crate::value::scalar::NumPyScalar;

/// The number of items that are shown of an array of numbers.
const ITEMS: usize = 8;

impl<'a> Element<'a> {
    fn shown(self) -> Shown<'a, Element<'a>> {
        Shown::Text(match self.kind() {
            Kind::None => "None".to_owned(),
            Kind::Bool(true) => "True".to_owned(),
            Kind::Bool(false) => "False".to_owned(),
            Kind::Int(int) => int.to_string(),
            Kind::Long(int) => int.to_string(),
            Kind::Float(float) => format!("{float:?}"),
            Kind::Complex(real, imaginary) => format!("({real:?}{imaginary:+?}j)"),
            Kind::Str(text) => short_str(&text.to_string_lossy()),
            Kind::Bytes(bytes) => short_bytes(&bytes),
            Kind::ByteArray(bytes) => format!("bytearray({})", short_bytes(&bytes)),
            Kind::Tuple(items) => {
                let end = if items.len() == 1 { ",)" } else { ")" };
                return Shown::list("(", items, end);
            }
            Kind::List(items) => return Shown::list("[", items, "]"),
            Kind::Set(items) => return Shown::list("{", items, "}"),
            Kind::FrozenSet(items) => return Shown::list("frozenset({", items, "})"),
            Kind::Deque(items, None) => return Shown::list("deque([", items, "])"),
            Kind::Deque(items, Some(most)) => {
                return Shown::list(format!("deque(maxlen {most}, ["), items, "])");
            }
            Kind::Dict(entries) => return Shown::dict("{", entries, "}"),
            Kind::OrderedDict(entries) => return Shown::dict("OrderedDict({", entries, "})"),
            Kind::DefaultDict(_, entries) => return Shown::dict("defaultdict({", entries, "})"),
            Kind::DateTime(datetime) => format!("datetime({datetime})"),
            Kind::Date(date) => format!("date({date})"),
            Kind::Time(time) => format!("time({time})"),
            Kind::TimeDelta(delta) => format!("timedelta({} s)", delta.total_seconds()),
            Kind::Decimal(digits) => format!("Decimal({})", short_str(&digits)),
            Kind::Array(array) => return array_shown(*array),
            Kind::Scalar(scalar) => format!("{}({})", scalar.dtype(), scalar_text(&scalar)),
            Kind::Record(record) => {
                let fields = record.fields().into_iter().map(|(_, value)| value);
                return Shown::list("record(", fields, ")");
            }
            Kind::DType(item) => format!("dtype({item})"),
            Kind::Global(global) => {
                let (module, name) =
                    (global.module.to_string_lossy(), global.name.to_string_lossy());
                printable(&format!("{module}.{name}")).into_owned()
            }
            Kind::Object(object) => return object_shown(object),
            Kind::PersistentId(id) => {
                return Shown::list("persistent_id(", std::iter::once(id), ")");
            }
            Kind::Extension(code) => format!("extension({code})"),
            Kind::Buffer(index) => format!("buffer({index})"),
            Kind::Root => "<the array>".to_owned(),
        })
    }
}

fn array_shown<'a>(array: Array<'a>) -> Shown<'a, Element<'a>> {
    let begin = format!("array({}, shape {:?}, [", array.item(), array.shape());
    let (dtype, bytes) = match (array.item(), array.data()) {
        (_, Data::Items(items)) => return Shown::list(begin, items.clone(), "])"),
        (ItemType::Plain(dtype), Data::Bytes(bytes)) => (dtype, bytes),
        (ItemType::String { .. }, Data::Bytes(_)) => unreachable!("its items are objects"),
    };
    // In the order of the array: to put a long one in C order would take longer than to show it.
    let size = dtype.itemsize().max(1);
    let items = bytes.chunks_exact(size).take(ITEMS);
    let items = items.filter_map(|item| NumPyScalar::new(dtype.clone(), item.to_vec().into()));
    let items: Vec<String> = items.map(|item| scalar_text(&item)).collect();
    let more = if bytes.len() / size > ITEMS { ", ..." } else { "" };
    Shown::Text(format!("{begin}{}{more}])", items.join(", ")))
}

/// Returns the value of a scalar, without its dtype.
pub(crate) fn scalar_text(scalar: &NumPyScalar<'_>) -> String {
    if let Some(int) = scalar.to_i64() {
        return int.to_string();
    }
    if let Some(float) = scalar.to_f64() {
        return format!("{float:?}");
    }
    match (scalar.to_text(), scalar.dtype()) {
        (Some(text), _) => short_str(&text),
        (None, DType::Scalar(item)) if item.kind() == ScalarKind::Bool => {
            if scalar.data() == [0] { "False" } else { "True" }.to_owned()
        }
        (None, _) => short_bytes(scalar.data()),
    }
}

fn object_shown<'a>(object: Object<'a>) -> Shown<'a, Element<'a>> {
    let args = object.args().as_items().ok();
    let whole = args.is_none().then(|| (" of ", object.args()));
    let args = args.into_iter().flatten().enumerate();
    let args = args.map(|(index, value)| (if index == 0 { " of " } else { ", " }, value));
    let parts = std::iter::once(("", object.callable())).chain(args).chain(whole);
    let parts = parts.chain(object.kwargs().map(|value| ("; **", value)));
    let parts = parts.chain(object.states().map(|value| ("; state ", value)));
    let parts = parts.chain(object.appended().map(|value| ("; append ", value)));
    let parts = parts.chain(object.added().map(|value| ("; add ", value)));
    let items = object.items().flat_map(|(key, value)| [("; item ", key), (": ", value)]);
    Shown::Values("<call ".to_owned(), Box::new(parts.chain(items)), ">")
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, self.shown(), Element::shown)
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::list("[", self.clone(), "]"), Element::shown)
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, Shown::dict("{", self.clone(), "}"), Element::shown)
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sketch(f, object_shown(*self), Element::shown)
    }
}

#[cfg(test)]
mod tests {
    use crate::options::Options;

    #[track_caller]
    fn shows(stream: &[u8], expected: &str) {
        let whole = Options::new().load(stream.to_vec()).unwrap();
        assert_eq!(format!("{:?}", whole.element()), expected);
    }

    #[test]
    fn debug_of_a_value_is_its_sketch() {
        shows(b"(K\x01\x88N]X\x01\0\0\0\x1bat.", r"(1, True, None, ['\x1b'])");
        shows(b"cos\nsystem\nU\x02ls\x85R.", "<call os.system of 'ls'>");
        shows(b"cmod\nNew\n)\x81}X\x01\0\0\0aK\x01sb.", "<call mod.New; state {'a': 1}>");
        // l = [l]
        shows(b"]q\0h\0a.", "[[[[[...]]]]]");
        let deep = [b"]".repeat(100_000), b"a".repeat(99_999), b".".to_vec()].concat();
        shows(&deep, "[[[[[...]]]]]");
    }

    #[test]
    fn debug_of_an_array_has_its_items() {
        let mut array = crate::open("tests/data/ragged.npy").unwrap();
        let last = array.get(2).unwrap().unwrap();
        assert_eq!(format!("{last:?}"), "array(<f8, shape [3], [0.0, 1.0, 2.0])");
    }
}
