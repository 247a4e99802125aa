//! The rules that `policy.txt` gives to inert names.

use pickle_stream::audit::Growth;

macro_rules! rules {
    ($($variant:ident $name:literal $reason:literal,)*) => {
        /// A rule: which acts on a name are inert.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Rule {
            $($variant,)*
        }

        impl Rule {
            const ALL: &[(Rule, &str, &str)] = &[$((Rule::$variant, $name, $reason),)*];
        }
    };
}

rules! {
    Value "value" "a type, which is not called",
    Function "function" "a function, which is not called",
    Type "type" "a type, or the type of None",
    Len "len" "returns a length",
    Array "array" "makes an array",
    MemMap "memmap" "makes an array",
    MaskedArray "masked-array" "makes a masked array",
    MaskedConstant "masked-constant" "makes a masked array",
    Reconstruct "reconstruct" "makes an array",
    MaskedReconstruct "masked-reconstruct" "makes a masked array",
    FromBuffer "from-buffer" "makes an array",
    Scalar "scalar" "makes a scalar",
    Record "record" "makes a scalar",
    DType "dtype" "makes a dtype",
    StringDType "string-dtype" "makes a dtype",
    Object "object" "makes a value",
    Complex "complex" "makes a value",
    Bytes "bytes" "makes a value",
    ByteArray "bytearray" "makes a value",
    Range "range" "makes a value",
    Slice "slice" "makes a value",
    Set "set" "makes a value",
    Encode "encode" "makes bytes, in a pickle before protocol 3",
    Reconstructor "reconstructor" "makes an instance of a class that the file names",
    NewObject "new-object" "makes an instance of a class that the file names",
    OrderedDict "ordered-dict" "makes a value",
    DefaultDict "default-dict" "makes a value",
    Counter "counter" "makes a value",
    Deque "deque" "makes a value",
    Date "date" "makes a value",
    TimeDelta "timedelta" "makes a value",
    TimeZone "timezone" "makes a value",
    Zone "zone" "makes a time zone",
    Decimal "decimal" "makes a value",
    Fraction "fraction" "makes a value",
    Uuid "uuid" "makes a value",
    Enum "enum" "makes a value",
    ArrayArray "array-array" "makes a value",
    ArrayReconstructor "array-reconstructor" "makes a value",
    Namespace "namespace" "makes a value",
    BytesIo "bytes-io" "makes a value",
    StringIo "string-io" "makes a value",
    Path "path" "makes a value",
    Exception "exception" "makes a value",
    UnicodeError "unicode-error" "makes a value",
    Ufunc "ufunc" "looks up a function that the file names",
    ItemGetter "item-getter" "makes a function, which is not called",
    Member "member" "a member of an enumeration",
    Partial "partial" "wraps a function that the file names",
    GetAttr "getattr" "looks up an attribute that the file names",
}

impl Rule {
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().map(|&(rule, ..)| rule)
    }

    /// Returns the rule by its name in the policy.
    pub(super) fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().find(|(_, its, _)| *its == name).map(|&(rule, ..)| rule)
    }

    #[cfg(test)]
    pub(super) fn name(self) -> &'static str {
        Rule::ALL[self as usize].1
    }

    pub(super) fn of_number(number: u64) -> Option<Rule> {
        usize::try_from(number).ok().and_then(|number| Rule::ALL.get(number)).map(|row| row.0)
    }

    /// Returns the reason for the verdict that an act is inert.
    pub(super) fn reason(self) -> &'static str {
        Rule::ALL[self as usize].2
    }

    /// Returns how picklers add items to an object that it makes; `None` where they do not.
    pub(super) fn growth(self) -> Option<Growth> {
        match self {
            Rule::OrderedDict | Rule::DefaultDict | Rule::Counter => Some(Growth::Dict),
            Rule::Deque => Some(Growth::List),
            _ => None,
        }
    }

    /// Returns whether picklers write its name with dots, as an attribute of a class.
    pub(super) fn is_attribute(self) -> bool {
        matches!(self, Rule::Zone | Rule::Member)
    }

    /// Returns whether picklers make its instances by `__new__`, as NEWOBJ does.
    pub(super) fn is_made_by_new(self) -> bool {
        use Rule as R;
        matches!(self, R::Object | R::Uuid | R::Namespace | R::BytesIo | R::StringIo | R::Exception)
    }

    /// Returns whether it is a type whose call without arguments makes a new value and does nothing
    /// else.
    pub(super) fn is_harmless_type(self) -> bool {
        use Rule as R;
        matches!(
            self,
            R::Value
                | R::Object
                | R::Complex
                | R::Bytes
                | R::ByteArray
                | R::Set
                | R::OrderedDict
                | R::DefaultDict
                | R::Counter
                | R::Deque
        )
    }

    /// Returns whether the whole program shares the object that it makes.
    pub(super) fn makes_shared(self) -> bool {
        matches!(self, Rule::MaskedConstant | Rule::Enum | Rule::TimeZone | Rule::Zone)
    }
}
