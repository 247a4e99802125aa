//! The issues of all files as SARIF 2.1.0, for code scanning.

use std::io::{self, Write};
use std::path::{Component, Path};

use npy_object::audit::{Check, Issue, POLICY_VERSION, Report, Verdict};
use npy_object::pickle::audit::Name;
use serde_json::{Value, json};

use crate::failure::{printable, write_json};
use crate::url;

/// The log of one run. It is written when all files were read.
#[derive(Default)]
pub(super) struct Log {
    results: Vec<Value>,
    /// Files that could not be opened.
    notifications: Vec<Value>,
}

impl Log {
    /// Adds the issues of a file.
    pub(super) fn add(&mut self, report: &Report, file: &Path) {
        self.results.extend(report.issues().iter().map(|issue| result(issue, file)));
    }

    /// Adds a file that cannot be opened.
    pub(super) fn add_failure(&mut self, message: &str, file: &Path) {
        self.notifications.push(json!({
            "level": "error",
            "message": { "text": printable(message) },
            "locations": [{ "physicalLocation": artifact(file) }],
        }));
    }

    /// Writes the log.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let rules: Vec<_> = Check::ALL.into_iter().map(rule).collect();
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "npyo",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "properties": { "policy": POLICY_VERSION },
                    "rules": rules,
                } },
                "invocations": [{
                    "executionSuccessful": self.notifications.is_empty(),
                    "toolExecutionNotifications": self.notifications,
                }],
                "results": self.results,
            }],
        });
        write_json(out, &log)
    }
}

fn level(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Dangerous => "error",
        Verdict::Unknown => "warning",
        Verdict::Inert => "none",
    }
}

fn rule(check: Check) -> Value {
    let severity = match check.verdict() {
        Verdict::Dangerous => "9.0",
        _ => "5.0",
    };
    json!({
        "id": check.id(),
        "shortDescription": { "text": check.summary() },
        "helpUri": concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/spec/audit.md"),
        "defaultConfiguration": { "level": level(check.verdict()) },
        // GitHub sorts by it.
        "properties": { "security-severity": severity, "tags": ["security"] },
    })
}

fn result(issue: &Issue<'_>, file: &Path) -> Value {
    let (id, member) = (issue.check.id(), issue.member.unwrap_or_default());
    let name = issue.name.map(Name::to_string).unwrap_or_default();
    let mut place = artifact(file);
    // GitHub shows results with a line only.
    place["region"] = match issue.offset {
        Some(offset) => json!({ "startLine": 1, "byteOffset": offset }),
        None => json!({ "startLine": 1 }),
    };
    let mut location = json!({ "physicalLocation": place });
    if let Some(member) = issue.member {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": member, "kind": "member" }]);
    }
    json!({
        "ruleId": id,
        "ruleIndex": Check::ALL.iter().position(|&check| check == issue.check),
        "level": level(issue.check.verdict()),
        "message": { "text": message(issue) },
        "locations": [location],
        // The same issue of the next version of the file has another offset.
        "partialFingerprints": { "npyoIssue/v1": format!("{member}\n{id}\n{name}") },
    })
}

/// Describes an issue in one line, with the name and the place.
pub(super) fn message(issue: &Issue<'_>) -> String {
    let name = issue.name.map(|name| format!("{name}: ")).unwrap_or_default();
    let member = issue.member.map(|member| format!("in {member}"));
    let offset = issue.offset.map(|offset| format!("at byte {offset}"));
    let place: Vec<_> = member.into_iter().chain(offset).collect();
    let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
    printable(&format!("{name}{}{place}", issue.message))
}

/// Returns the location of a file, by its URI.
fn artifact(file: &Path) -> Value {
    json!({ "artifactLocation": { "uri": uri(file) } })
}

/// Returns the URI of a path: relative to the folder of the run where the path is relative. A URL is one.
fn uri(path: &Path) -> String {
    if let Some(text) = url::of(path) {
        return url::shown(text).into_owned();
    }
    let parts = path.components().filter_map(|part| match part {
        Component::CurDir | Component::RootDir => None,
        part => Some(escaped(&part.as_os_str().to_string_lossy())),
    });
    let parts = parts.collect::<Vec<_>>().join("/");
    if path.is_absolute() { format!("file:///{parts}") } else { parts }
}

fn escaped(part: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    part.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_of_path_has_its_special_characters_escaped() {
        assert_eq!(uri(Path::new("./a b/ü:1.npy")), "a%20b/%C3%BC%3A1.npy");
        assert_eq!(uri(Path::new("../x.npy")), "../x.npy");
        assert_eq!(uri(Path::new("https://u:p@h/x.npy?s")), "https://h/x.npy");
        if cfg!(unix) {
            assert_eq!(uri(Path::new("/a/x#1.npy")), "file:///a/x%231.npy");
        }
    }
}
