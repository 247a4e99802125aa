//! A project's policy: a TOML file with the names that are trusted or denied, also by path.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use super::Audit;
use super::trust::Trust;
use crate::error::{Error, Result};

/// The version of the form of the file.
const VERSION: u32 = 1;

/// The policy of a project: which names an [`Audit`] trusts or denies, for all files and by path.
///
/// ```
/// use npy_object::audit::Policy;
/// use npy_object::{Audit, Source};
/// use std::path::Path;
///
/// let policy = Policy::parse(
///     r#"
///     version = 1
///     deny = ["pandas.*"]
///
///     [[rules]]
///     paths = ["models/**"]
///     allow = ["sklearn", "ours.models.Net"]
///
///     [[rules]]
///     paths = ["tests/hostile/**"]
///     skip = "files of the scanner's own tests"
///     "#,
/// )?;
/// let net = Source::bytes(b"cours.models\nNet\n.");
/// let audit = policy.apply(Audit::new(), Path::new("models/net.pkl"));
/// assert_eq!(audit.read(net).verdict().name(), "inert");
/// assert!(policy.skips(Path::new("tests/hostile/a.pkl")).is_some());
/// # Ok::<(), npy_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    trust: Trust,
    rules: Vec<PathRule>,
}

/// What holds for some paths.
#[derive(Clone, Debug)]
struct PathRule {
    paths: GlobSet,
    trust: Trust,
    skip: Option<String>,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    rules: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    paths: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    skip: Option<String>,
}

impl Policy {
    /// Parses the text of a policy. `spec/audit.md` describes its form.
    ///
    /// Fails with clause `access.allow` where it is not TOML of that form, and at a name or a glob
    /// that is wrong.
    pub fn parse(text: &str) -> Result<Policy> {
        let document: Document =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end()))?;
        if document.version != VERSION {
            let found = document.version;
            return Err(wrong(&format!("expected version = {VERSION}, found {found}")));
        }
        let trust = trust_of(&document.allow, &document.deny)?;
        let rules = document.rules.iter().map(|rule| {
            let mut paths = GlobSetBuilder::new();
            for path in &rule.paths {
                let glob = GlobBuilder::new(path).literal_separator(true).build();
                paths.add(glob.map_err(|error| wrong(&error.to_string()))?);
            }
            let paths = paths.build().map_err(|error| wrong(&error.to_string()))?;
            let trust = trust_of(&rule.allow, &rule.deny)?;
            Ok(PathRule { paths, trust, skip: rule.skip.clone() })
        });
        Ok(Policy { trust, rules: rules.collect::<Result<_>>()? })
    }

    /// Returns the reason for which a file is not audited; `None` for a file that is.
    pub fn skips(&self, path: &Path) -> Option<&str> {
        self.rules_for(path).find_map(|rule| rule.skip.as_deref())
    }

    /// Returns an audit that also trusts and denies the names of the policy for the file at `path`:
    /// those for all files, and those of every rule that has the path. A name that is both trusted
    /// and denied is denied.
    ///
    /// A path is relative to the folder of the policy, with or without `./`.
    pub fn apply(&self, mut audit: Audit, path: &Path) -> Audit {
        audit.trust.extend(&self.trust);
        for rule in self.rules_for(path) {
            audit.trust.extend(&rule.trust);
        }
        audit
    }

    fn rules_for(&self, path: &Path) -> impl Iterator<Item = &PathRule> {
        let path = path.strip_prefix(".").unwrap_or(path).to_owned();
        self.rules.iter().filter(move |rule| rule.paths.is_match(&path))
    }
}

fn trust_of(allow: &[String], deny: &[String]) -> Result<Trust> {
    let mut trust = Trust::default();
    allow.iter().try_for_each(|name| trust.allow(name))?;
    deny.iter().try_for_each(|name| trust.deny(name))?;
    Ok(trust)
}

fn wrong(why: &str) -> Error {
    Error::usage("access.allow", format!("policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::audit::Verdict;

    fn verdict(policy: &str, path: &str, pickle: &'static [u8]) -> Verdict {
        let policy = Policy::parse(policy).unwrap();
        policy.apply(Audit::new(), Path::new(path)).read(Source::bytes(pickle)).verdict()
    }

    #[test]
    fn rule_holds_for_its_paths_only() {
        let policy = "version = 1\n[[rules]]\npaths = ['a/*.pkl', '**/b.npy']\nallow = ['m.C']";
        for (path, expected) in [
            ("a/x.pkl", Verdict::Inert),
            ("./a/x.pkl", Verdict::Inert),
            ("a/b/x.pkl", Verdict::Unknown),
            ("a/b/b.npy", Verdict::Inert),
            ("b.npy", Verdict::Inert),
            ("x.pkl", Verdict::Unknown),
        ] {
            assert_eq!(verdict(policy, path, b"cm\nC\n."), expected, "{path}");
        }
    }

    #[test]
    fn deny_comes_before_allow() {
        let policy = "version = 1\ndeny = ['m.*']\n[[rules]]\npaths = ['**']\nallow = ['m.C']";
        assert_eq!(verdict(policy, "x", b"cm\nC\n."), Verdict::Dangerous);
        let policy = "version = 1\ndeny = ['datetime.date']";
        assert_eq!(verdict(policy, "x", b"cdatetime\ndate\n."), Verdict::Dangerous);
    }

    #[test]
    fn policy_of_another_form_is_an_error() {
        for (text, message) in [
            ("", "missing field `version`"),
            ("version = 2", "expected version = 1, found 2"),
            ("version = 1\nalow = []", "unknown field `alow`"),
            ("version = 1\nallow = ['m']", "found \"m\""),
            ("version = 1\n[[rules]]\nallow = ['m.C']", "missing field `paths`"),
            ("version = 1\n[[rules]]\npaths = ['[']", "["),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!(error.clause(), "access.allow");
            assert!(error.message().contains(message), "{error}");
        }
    }
}
