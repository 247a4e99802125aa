//! The judgement of each act of a pickle, by the names of `policy.txt` and the rules that they have
//! there.

use std::collections::HashMap;
use std::sync::LazyLock;

use pickle_stream::audit::{
    Act, Auditor, Construct, Finding, Growth, Name, NameId, ObjectId, Operand, Operands, Subject,
};

use super::argument::{Arguments, Lookup, is_plain, sets_hook};
use super::call;
use super::fact::{Fact, MOST_SERIAL};
use super::joblib;
use super::report::Verdict;
use super::rule::Rule;
use super::trust::{Trust, Trusted};

/// The text of the policy.
const POLICY: &str = include_str!("policy.txt");

/// The lines of the policy, by name.
#[derive(Default)]
struct Names {
    inert: HashMap<&'static str, Rule>,
    /// The beginnings of the names of members.
    members: Vec<&'static str>,
    /// Reasons, by name, and by package for all names in it.
    dangerous: HashMap<&'static str, &'static str>,
    dangerous_in: HashMap<&'static str, &'static str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names::default();
    let lines = POLICY.lines().filter(|line| !line.starts_with('#'));
    for (rule, rest) in lines.filter_map(|line| line.split_once(' ')) {
        match (Rule::named(rule), rest.split_once(' ')) {
            (Some(Rule::Member), None) => names.members.extend(rest.strip_suffix('*')),
            (Some(rule), None) => drop(names.inert.insert(rest, rule)),
            (None, Some((name, reason))) => match name.strip_suffix(".*") {
                Some(start) => drop(names.dangerous_in.insert(start, reason)),
                None => drop(names.dangerous.insert(name, reason)),
            },
            _ => {}
        }
    }
    names
});

/// The standing of a name with the policy and the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Inert(Rule),
    /// The caller trusts it, for this reason.
    Allowed(&'static str),
    Unknown,
    Dangerous(&'static str),
}

impl Standing {
    fn of(trusted: Trusted) -> Standing {
        match trusted {
            Trusted::Name(reason) => Standing::Allowed(reason),
            Trusted::Function => Standing::Inert(Rule::Function),
        }
    }
}

/// A verdict and its reason, which is empty where the policy does not know the name.
pub(super) type Judgement = (Verdict, &'static str);

/// Judges the acts of one pickle.
pub(super) struct Judge<'a> {
    trust: &'a Trust,
    /// By the numbers that the auditor gives to names.
    standings: Vec<Standing>,
    /// The number of the last dtype.
    serial: u32,
}

impl<'a> Judge<'a> {
    pub(super) fn new(trust: &'a Trust) -> Judge<'a> {
        Judge { trust, standings: Vec::new(), serial: 0 }
    }

    /// Judges an act. Notes what is known about its result, for later acts.
    pub(super) fn judge(&mut self, found: &Finding, auditor: &mut Auditor) -> Judgement {
        let names = auditor.names();
        for name in &names[self.standings.len()..] {
            self.standings.push(standing(self.trust, name));
        }
        let operands = auditor.operands();
        let (judgement, noted) = match found.act {
            Act::Import(name) => (self.imported(name, names), None),
            Act::Call(subject) => {
                let (judgement, fact) = self.called(found.construct(), subject, &operands, names);
                (judgement, operands.result.map(|result| (result, fact)))
            }
            Act::SetState(subject) => self.state_set(subject, &operands),
            Act::Add(subject) => (self.added(found.growth(), subject, &operands), None),
            Act::Straddle => (
                (
                    Verdict::Dangerous,
                    "CPython's two unpicklers execute different instructions here",
                ),
                None,
            ),
            Act::Alter => {
                ((Verdict::Dangerous, "changes a dict or list in a way that no pickler uses"), None)
            }
            Act::Costly => {
                ((Verdict::Unknown, "takes time or memory out of proportion to its bytes"), None)
            }
            Act::Overwrite(_) => ((Verdict::Inert, ""), None),
        };
        if let Some((object, fact)) = noted {
            note(auditor, object, fact);
        }
        judgement
    }

    /// Returns whether an act sets the state of a wrapper of an array that joblib reads.
    pub(super) fn is_wrapped(&self, found: &Finding, names: &[Name]) -> bool {
        let Act::SetState(Subject::ResultOf(name)) = found.act else { return false };
        joblib::is_wrapper(&names[name.index()])
            && matches!(self.standing(name), Standing::Allowed(_))
    }

    /// Returns what follows the state of a wrapper, and notes that the wrapper is an array from now
    /// on; `None` where joblib does not write the state.
    pub(super) fn unwrap(&mut self, auditor: &mut Auditor) -> Option<joblib::Payload> {
        let operands = auditor.operands();
        let Operand::Result(wrapper) = operands.object else { return None };
        let look = Look { judge: self, names: &[] };
        let (payload, array) = joblib::payload(&operands.arguments, &look)?;
        note(auditor, wrapper.object, array);
        Some(payload)
    }

    fn standing(&self, name: NameId) -> Standing {
        self.standings.get(name.index()).copied().unwrap_or(Standing::Unknown)
    }

    /// Judges an import.
    fn imported(&self, name: NameId, names: &[Name]) -> Judgement {
        match self.standing(name) {
            Standing::Inert(rule) => (Verdict::Inert, rule.reason()),
            Standing::Allowed(reason) => (Verdict::Inert, reason),
            Standing::Dangerous(reason) => (Verdict::Dangerous, reason),
            Standing::Unknown => (Verdict::Unknown, why_unknown(&names[name.index()])),
        }
    }

    /// Judges a call. Returns also what is known about its result.
    fn called(
        &mut self,
        construct: Option<Construct>,
        subject: Subject,
        operands: &Operands<'_>,
        names: &[Name],
    ) -> (Judgement, Fact) {
        let standing = self.standing(subject.name());
        let rule = match (standing, subject) {
            (Standing::Inert(rule), Subject::Named(_)) => rule,
            (Standing::Inert(_), Subject::ResultOf(_)) => match fact_of(&operands.object) {
                Fact::Callable { rule: Some(rule), .. } => rule,
                _ => {
                    let why = (Verdict::Unknown, "its result is called");
                    return (why, may_be_global(&operands.arguments));
                }
            },
            // An instance may call what its state has: a module of torch its hooks.
            (Standing::Allowed(_), Subject::ResultOf(_)) => {
                return ((Verdict::Unknown, "its result is called"), Fact::None);
            }
            (Standing::Allowed(reason), _) => {
                return (self.trusted(reason, &operands.arguments), Fact::None);
            }
            _ => return (self.imported(subject.name(), names), Fact::None),
        };
        let has_keywords = !operands.keywords.is_none_or(|keywords| match keywords {
            Operand::Dict(dict) => dict.entries().is_some_and(|entries| entries.len() == 0),
            _ => false,
        });
        let is_written = match construct {
            Some(Construct::Call) => true,
            Some(Construct::New) => rule.is_made_by_new(),
            _ => rule == Rule::Exception,
        };
        let arguments = match operands.arguments {
            Operand::Tuple(items) if is_written && !has_keywords => Arguments::of(items),
            _ => None,
        };
        let mut lookup = Look { judge: self, names };
        let fact =
            arguments.and_then(|arguments| call::call(rule, arguments.as_slice(), &mut lookup));
        match fact {
            Some(fact) => ((Verdict::Inert, rule.reason()), fact),
            None => self.refused(rule, &operands.arguments),
        }
    }

    /// Judges a call of a name that the caller trusts. It may call the classes and functions in
    /// its arguments (`pandas` makes an index of any class), of which some have rules for their
    /// calls.
    fn trusted(&self, reason: &'static str, arguments: &Operand<'_>) -> Judgement {
        let has_rule = |value: &Operand<'_>| match value {
            Operand::Global(name) => match self.standing(*name) {
                Standing::Inert(rule) => !rule.is_harmless_type() && rule != Rule::Member,
                _ => false,
            },
            value => matches!(fact_of(value), Fact::Callable { .. }),
        };
        let is_called = match arguments {
            Operand::Tuple(items) => items.iter().any(|item| match item {
                Operand::Tuple(items) => items.iter().any(|item| has_rule(&item)),
                item => has_rule(&item),
            }),
            _ => false,
        };
        match is_called {
            true => (Verdict::Unknown, "may call a function in its arguments"),
            false => (Verdict::Inert, reason),
        }
    }

    /// Judges a call that the rule does not allow.
    fn refused(&self, rule: Rule, arguments: &Operand<'_>) -> (Judgement, Fact) {
        if let Some(standing) = self.class_of_instance(rule, arguments) {
            return match standing {
                Standing::Allowed(reason) => ((Verdict::Inert, reason), Fact::Allowed),
                _ => ((Verdict::Unknown, "makes an instance of an unknown class"), Fact::None),
            };
        }
        let is_of_numpy = |module: &[u8]| module == b"numpy" || module.starts_with(b"numpy.");
        let is_memmap = |value: Operand<'_>| match value {
            Operand::Global(name) => self.standing(name) == Standing::Inert(Rule::MemMap),
            _ => false,
        };
        // copyreg writes this before protocol 4 for a class whose `__new__` has keyword arguments.
        if let (Rule::GetAttr, Operand::Tuple(items)) = (rule, arguments)
            && let (Some(Operand::Global(class)), Some(Operand::Text(b"__new__")), 2) =
                (items.get(0), items.get(1), items.len())
            && self.standing(class) == Standing::Unknown
        {
            let why = "makes an instance of an unknown class";
            return ((Verdict::Unknown, why), Fact::Callable { rule: None, is_open: false });
        }
        let judgement = match (rule, arguments) {
            (Rule::NewObject | Rule::Reconstructor, Operand::Tuple(items))
                if items.iter().any(is_memmap) =>
            {
                (Verdict::Dangerous, "creates or changes files")
            }
            (Rule::MemMap, _) => (Verdict::Dangerous, "creates or changes files"),
            (Rule::Array, _) => {
                (Verdict::Dangerous, "makes an array over memory that does not belong to it")
            }
            (Rule::GetAttr, _) => (Verdict::Dangerous, "reads any attribute of an object"),
            (Rule::Ufunc, Operand::Tuple(items)) => match items.get(0) {
                Some(Operand::Text(module)) if is_of_numpy(module) => (Verdict::Unknown, ""),
                _ => (Verdict::Dangerous, "imports any module"),
            },
            (Rule::Ufunc, _) => (Verdict::Dangerous, "imports any module"),
            (_, Operand::Tuple(items)) if !items.iter().all(|item| is_plain(&item)) => {
                (Verdict::Unknown, "called with unknown objects")
            }
            _ => (Verdict::Unknown, "called with arguments that no pickler writes"),
        };
        (judgement, may_be_global(arguments))
    }

    /// Returns the standing of a class of which a call makes an instance by `__new__` of a known
    /// type; `None` where it is another call, or where the class has a rule.
    fn class_of_instance(&self, rule: Rule, arguments: &Operand<'_>) -> Option<Standing> {
        let Operand::Tuple(items) = arguments else { return None };
        let Some(Operand::Global(class)) = items.get(0) else { return None };
        let base_is_known = match rule {
            Rule::Reconstruct => items.len() == 3,
            Rule::NewObject => true,
            // The base class, and the plain value that it is called with.
            Rule::Reconstructor => match (items.len(), items.get(1), items.get(2)) {
                (3, Some(Operand::Global(base)), Some(state)) => {
                    matches!(self.standing(base), Standing::Inert(_)) && is_plain(&state)
                }
                _ => false,
            },
            _ => false,
        };
        let standing = self.standing(class);
        (base_is_known && !matches!(standing, Standing::Inert(_))).then_some(standing)
    }

    /// Judges a new state. Returns also what is known about the object then.
    fn state_set(
        &mut self,
        subject: Subject,
        operands: &Operands<'_>,
    ) -> (Judgement, Option<(ObjectId, Fact)>) {
        let name = match subject {
            Subject::Named(name) => return (self.changed(name), None),
            Subject::ResultOf(name) => name,
        };
        let hook = (Verdict::Unknown, "sets an attribute that the unpickler calls");
        let rule = match self.standing(name) {
            Standing::Inert(rule) => rule,
            // A wrapper of joblib, which has become an array.
            Standing::Allowed(_) if matches!(fact_of(&operands.object), Fact::Array(_)) => {
                let why = "its state makes NumPy use memory that does not belong to it";
                return ((Verdict::Dangerous, why), None);
            }
            Standing::Allowed(_) if sets_hook(&operands.arguments) => return (hook, None),
            standing => return (judgement_of(standing), None),
        };
        let Operand::Result(object) = operands.object else {
            return ((Verdict::Unknown, ""), None);
        };
        let fact = Fact::unpack(object.fact);
        if fact == Fact::Allowed {
            let judgement = match sets_hook(&operands.arguments) {
                true => hook,
                false => (Verdict::Inert, "made of a class that the caller allows"),
            };
            return (judgement, None);
        }
        let mut lookup = Look { judge: self, names: &[] };
        if let Some(after) = call::set_state(fact, &operands.arguments, &mut lookup) {
            return ((Verdict::Inert, rule.reason()), Some((object.object, after)));
        }
        let judgement = match fact {
            Fact::MayBeGlobal | Fact::Callable { .. } => {
                (Verdict::Dangerous, "changes a class or function for the whole program")
            }
            Fact::Made { rule, .. } if rule.makes_shared() => {
                (Verdict::Dangerous, "changes an object that the whole program shares")
            }
            Fact::DType(_) | Fact::Array(_) if is_known(&operands.arguments, STATE_DEPTH) => {
                (Verdict::Dangerous, "its state makes NumPy use memory that does not belong to it")
            }
            _ => (Verdict::Unknown, "given a state that no pickler writes"),
        };
        (judgement, Some((object.object, Fact::None)))
    }

    /// Judges items that are added to an object.
    fn added(
        &self,
        growth: Option<Growth>,
        subject: Subject,
        operands: &Operands<'_>,
    ) -> Judgement {
        let name = match subject {
            Subject::Named(name) => return self.changed(name),
            Subject::ResultOf(name) => name,
        };
        match (self.standing(name), fact_of(&operands.object)) {
            (Standing::Inert(_), Fact::Made { rule, .. })
                if growth.is_some() && rule.growth() == growth =>
            {
                (Verdict::Inert, rule.reason())
            }
            (Standing::Inert(_), Fact::Allowed) => {
                (Verdict::Inert, "made of a class that the caller allows")
            }
            (Standing::Inert(_), Fact::MayBeGlobal) => {
                (Verdict::Dangerous, "changes an object for the whole program")
            }
            (Standing::Inert(_), _) => (Verdict::Unknown, "given items that no pickler adds"),
            (standing, _) => judgement_of(standing),
        }
    }

    /// Judges a change of an imported object.
    fn changed(&self, name: NameId) -> Judgement {
        match self.standing(name) {
            Standing::Unknown => (Verdict::Unknown, "may be changed for the whole program"),
            _ => (Verdict::Dangerous, "is changed for the whole program"),
        }
    }
}

/// The names of one pickle, as the rules ask for them.
struct Look<'j, 'a, 'n> {
    judge: &'j mut Judge<'a>,
    names: &'n [Name],
}

impl Lookup for Look<'_, '_, '_> {
    fn rule(&self, name: NameId) -> Option<Rule> {
        match self.judge.standing(name) {
            Standing::Inert(rule) => Some(rule),
            _ => None,
        }
    }

    fn rule_of_attribute(&self, name: NameId, attribute: &[u8]) -> Option<Rule> {
        let Some(Name::Global { module, name }) = self.names.get(name.index()) else { return None };
        let attribute = str::from_utf8(attribute).ok()?;
        match standing_of(&format!("{module}.{name}.{attribute}")) {
            Standing::Inert(rule) => Some(rule),
            _ => None,
        }
    }

    fn next_serial(&mut self) -> u32 {
        self.judge.serial = self.judge.serial.saturating_add(1);
        if self.judge.serial <= MOST_SERIAL { self.judge.serial } else { 0 }
    }
}

fn note(auditor: &mut Auditor, object: ObjectId, fact: Fact) {
    // Later elements share dtypes and functions.
    let keep = matches!(fact, Fact::DType(_) | Fact::Callable { .. });
    auditor.set_fact(object, fact.pack(), keep);
}

fn fact_of(value: &Operand<'_>) -> Fact {
    match value {
        Operand::Result(result) => Fact::unpack(result.fact),
        _ => Fact::None,
    }
}

/// Returns the fact about the result of a call that no rule allows.
fn may_be_global(arguments: &Operand<'_>) -> Fact {
    let is_global = |value: &Operand<'_>| match value {
        Operand::Global(_) | Operand::Unknown => true,
        value => fact_of(value) == Fact::MayBeGlobal,
    };
    let has_global = match arguments {
        Operand::Tuple(items) => items.iter().any(|item| match item {
            Operand::Tuple(items) => items.iter().any(|item| is_global(&item)),
            Operand::Dict(_) | Operand::List(_) | Operand::Set => true,
            item => is_global(&item),
        }),
        _ => true,
    };
    if has_global { Fact::MayBeGlobal } else { Fact::None }
}

/// Levels of a state that are looked at: the fields of a dtype are tuples in a dict in its state.
const STATE_DEPTH: u32 = 4;

/// Returns whether all of a state is known: nothing in it was forgotten, or is too long to be kept.
fn is_known(value: &Operand<'_>, depth: u32) -> bool {
    match value {
        Operand::Unknown | Operand::Other | Operand::LongText => false,
        Operand::Tuple(items) => depth > 0 && items.iter().all(|item| is_known(&item, depth - 1)),
        Operand::Dict(dict) => dict.entries().is_some_and(|mut entries| {
            depth > 0
                && entries
                    .all(|(key, value)| is_known(&key, depth - 1) && is_known(&value, depth - 1))
        }),
        _ => true,
    }
}

fn judgement_of(standing: Standing) -> Judgement {
    match standing {
        Standing::Inert(rule) => (Verdict::Inert, rule.reason()),
        Standing::Allowed(reason) => (Verdict::Inert, reason),
        Standing::Unknown => (Verdict::Unknown, ""),
        Standing::Dangerous(reason) => (Verdict::Dangerous, reason),
    }
}

fn why_unknown(name: &Name) -> &'static str {
    match name {
        Name::Global { .. } => "",
        Name::Extension(_) => {
            "imports the name that the reading program has registered for this code"
        }
        Name::PersistentId => "numpy.load refuses it",
        _ => "the name is computed, so it cannot be known",
    }
}

/// Returns the standing of a name by the policy and the names that the caller trusts or denies.
fn standing(trust: &Trust, name: &Name) -> Standing {
    let (module, name) = match name {
        Name::Global { module, name } => (module, name),
        Name::PersistentId => return trust.allowed_ids().map_or(Standing::Unknown, Standing::of),
        _ => return Standing::Unknown,
    };
    let full = format!("{module}.{name}");
    if let Some(reason) = trust.denied(&full) {
        return Standing::Dangerous(reason);
    }
    if let Some(trusted) = trust.allowed(&full) {
        return Standing::of(trusted);
    }
    match standing_of(&full) {
        // A name with dots is an attribute of an attribute. Few rules are for names that are
        // written so.
        Standing::Inert(rule) if !name.contains('.') || rule.is_attribute() => {
            return Standing::Inert(rule);
        }
        Standing::Dangerous(reason) => return Standing::Dangerous(reason),
        _ => {}
    }
    if name.contains('.') && name.split('.').any(|part| part.starts_with("__")) {
        return Standing::Dangerous("reads any attribute of an object");
    }
    trust.allowed_in_package(module, name).map_or(Standing::Unknown, Standing::of)
}

/// Returns the standing of a name by the policy.
fn standing_of(name: &str) -> Standing {
    let names = &*NAMES;
    if let Some(&rule) = names.inert.get(name) {
        return Standing::Inert(rule);
    }
    // A member of an enumeration, as an attribute of the class or of the module.
    let is_member = |member: &str| {
        let is_capital =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        member.bytes().all(is_capital) && !member.starts_with('_')
    };
    if let Some((class, member)) = name.rsplit_once('.')
        && is_member(member)
        && (names.inert.get(class) == Some(&Rule::Enum)
            || names.members.iter().any(|start| name.starts_with(start)))
    {
        return Standing::Inert(Rule::Member);
    }
    if let Some(reason) = names.dangerous.get(name) {
        return Standing::Dangerous(reason);
    }
    let mut starts = name.rmatch_indices('.').map(|(end, _)| &name[..end]);
    match starts.find_map(|start| names.dangerous_in.get(start)) {
        Some(reason) => Standing::Dangerous(reason),
        None => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_line_of_any_rule_is_parsed() {
        let lines = POLICY.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let names = &*NAMES;
        let understood = names.inert.len()
            + names.members.len()
            + names.dangerous.len()
            + names.dangerous_in.len();
        assert_eq!(lines.count(), understood);
    }

    #[test]
    fn rule_of_any_kind_has_a_name_in_the_policy() {
        for rule in Rule::all().filter(|rule| *rule != Rule::Member) {
            assert!(NAMES.inert.values().any(|used| *used == rule), "{rule:?}");
        }
    }

    #[test]
    fn name_of_library_has_no_rule_and_is_not_dangerous() {
        // Of a package in which other names are dangerous.
        const HARMLESS: [&str; 1] = ["torch.serialization._get_layout"];
        for (library, name) in super::super::trust::names_of_libraries() {
            let is_known = standing_of(name) != Standing::Unknown;
            assert_eq!(is_known, HARMLESS.contains(&name), "{library}: {name}");
        }
    }

    /// Returns the specification; a published crate does not have it.
    fn specification() -> Option<String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/audit.md");
        std::fs::read_to_string(path).ok()
    }

    #[test]
    fn specification_has_every_rule_and_its_names() {
        let Some(text) = specification() else { return };
        let rules: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `")).collect();
        for rule in Rule::all() {
            let start = format!("{}` | ", rule.name());
            assert!(rules.iter().any(|row| row.starts_with(&start)), "{}", rule.name());
        }
        for (name, rule) in &NAMES.inert {
            let start = format!("{}` | `", rule.name());
            let quoted = format!("`{name}`");
            let has_name = |row: &&str| row.starts_with(&start) && row.contains(&quoted);
            assert!(rules.iter().any(has_name), "{name}");
        }
    }
}
