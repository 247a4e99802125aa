//! Runs of `npyo audit`.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use common::{Ran, command, fixture, npyo, ran};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const EVIL: &[u8] = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";

fn audit(file: &Path, options: &[&str]) -> Ran {
    ran(command(["audit"]).arg(file).args(options).output())
}

#[test]
fn file_written_by_numpy_is_inert() {
    for file in ["arrays/ragged-p4-py3.9-np2.0.npy", "plain/1d-py2.7-np1.16.npy"] {
        let said = npyo("audit", file, &[]).output();
        assert!(said.lines().next().unwrap().ends_with(": inert"), "{said}");
    }
}

#[test]
fn dangerous_name_is_printed_with_its_place() {
    let found = npyo("audit", "hand-pickled/os-system.npy", &[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(3), ""));
    let said =
        "  dangerous  os.system: runs commands, changes files\n             imported at byte ";
    assert!(found.stdout.contains(said), "{}", found.stdout);
    let sites = npyo("audit", "hand-pickled/os-system.npy", &["--sites"]).stdout;
    assert!(sites.contains("GLOBAL        imports os.system\n"), "{sites}");
    assert!(sites.contains("REDUCE        calls os.system\n"), "{sites}");
}

#[test]
fn json_has_verdict_status_and_uses() {
    let found = npyo("audit", "hand-pickled/os-system.npy", &["--json", "--sites"]);
    let lines: Vec<serde_json::Value> =
        found.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, sites) = lines.split_last().unwrap();
    let types: Vec<_> = [report, &sites[0]].iter().map(|line| line["type"].as_str()).collect();
    assert_eq!(types, [Some("report"), Some("site")]);
    assert!(lines.iter().all(|line| line["file"].as_str().unwrap().ends_with("os-system.npy")));
    let calls: Vec<_> = sites.iter().filter(|site| site["what"] == "os.system").collect();
    assert_eq!(
        (calls[0]["act"].as_str(), calls[1]["act"].as_str()),
        (Some("imports"), Some("calls"))
    );
    let uses = report["parts"][0]["uses"].as_array().unwrap();
    let used = uses.iter().find(|used| used["what"] == "os.system").unwrap();
    assert_eq!((&used["verdict"], &used["module"]), (&"dangerous".into(), &"os".into()));
    assert_eq!(used["called"]["first"], calls[1]["offset"]);
    assert_eq!((&report["verdict"], &report["status"]), (&"dangerous".into(), &"complete".into()));
    assert!(report["incomplete"].is_null());
    let issue = &report["issues"][0];
    assert_eq!((&issue["check"], &issue["what"]), (&"dangerous-name".into(), &"os.system".into()));
}

#[test]
fn name_in_allow_file_is_inert() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allowed.txt");
    for (lines, code) in [
        ("os.system  # we know why\n", 0),
        // A pattern does not allow a name that is known to be dangerous.
        ("# nothing\nos.*\n", 3),
        ("posix.*\n", 3),
        ("os.system\ngarbage line\n", 2),
    ] {
        fs::write(&list, lines).unwrap();
        let file = fixture("hand-pickled/os-system.npy");
        let found = audit(&file, &["--allow", list.to_str().unwrap()]);
        assert_eq!(found.code, Some(code), "{lines}");
        let names_line = found.stderr.contains("allowed.txt: line 2: expected module.name");
        assert_eq!(names_line, code == 2, "{}", found.stderr);
    }
}

#[test]
fn dangerous_pickle_is_found_anywhere_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    let evil = fs::read(fixture("hand-pickled/os-system.npy")).unwrap();
    // After a good array, as an array or as a pickle; as a truncated bare pickle.
    for bytes in [[&good[..], &evil].concat(), [&good, EVIL].concat(), EVIL[..24].to_vec()] {
        fs::write(&path, bytes).unwrap();
        let found = audit(&path, &[]);
        assert_eq!(found.code, Some(3));
        assert!(found.stdout.contains("os.system"), "{}", found.stdout);
    }
    // In an archive, under any name, whole or truncated.
    for (name, bytes) in
        [("README.txt", &evil[..]), ("a.pkl", EVIL), ("b", &evil[..evil.len() - 1])]
    {
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in [("good.npy", &good[..]), (name, bytes), ("notes", b"none")] {
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        let found = audit(&path, &[]);
        assert_eq!(found.code, Some(3), "{found:?}");
        let dangerous = format!("\n{}:{name}: dangerous", path.display());
        assert!(found.stdout.contains(&dangerous), "{}", found.stdout);
        assert!(!found.stdout.contains(":notes: "), "{}", found.stdout);
        let verbose = audit(&path, &["-v"]).stdout;
        assert!(verbose.contains(&format!("\n{}:notes: inert\n", path.display())), "{verbose}");
        assert_eq!(audit(&path, &["--member", "good"]).code, Some(0));
        assert_eq!(audit(&path, &["--member", name]).code, Some(3));
    }
}

#[test]
fn truncated_file_is_unknown() {
    let found = npyo("audit", "truncated/in-first-batch.npy", &["-v"]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(4), ""), "{found:?}");
    assert!(found.stdout.contains("  inert      numpy.ndarray"), "{}", found.stdout);
    let first = found.stdout.lines().next().unwrap();
    assert!(first.contains(": unknown, incomplete: pickle data was truncated"), "{first}");
    let json = npyo("audit", "truncated/in-first-batch.npy", &["--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["verdict"], &report["status"]), (&"unknown".into(), &"incomplete".into()));
    assert!(report["incomplete"]["offset"].is_u64());
}

#[test]
fn missing_file_exits_1() {
    assert_eq!(audit(Path::new("/nosuch/file.npy"), &[]).code, Some(1));
}

#[test]
fn array_option_audits_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    let evil = fs::read(fixture("hand-pickled/os-system.npy")).unwrap();
    fs::write(&path, [&good[..], &evil, &good].concat()).unwrap();
    assert_eq!(audit(&path, &[]).code, Some(3));
    assert_eq!(audit(&path, &["--array", "1"]).code, Some(3));
    assert_eq!(audit(&path, &["--array", "2"]).code, Some(0));
    assert_eq!(audit(&path, &["--array", "3"]).code, Some(4));
}

/// Writes files of all verdicts to a folder: `a/dangerous.pkl`, `b/unknown.npy`, `c/inert.npy`, and
/// two that are not pickles.
fn folder_of_all_verdicts() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inert = fs::read(fixture("arrays/ragged-p4-py3.9-np2.0.npy")).unwrap();
    for (name, bytes) in [
        ("a/dangerous.pkl", EVIL),
        ("b/unknown.npy", &inert[..inert.len() - 1]),
        ("c/inert.npy", &inert),
        ("README.md", b"# Some text\n"),
        ("c/picture.png", b"\x89PNG\r\n\x1a\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn folder_is_audited_in_the_order_of_paths() {
    let folder = folder_of_all_verdicts();
    let found = audit(folder.path(), &[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(3), ""));
    let places: Vec<_> =
        ["a/dangerous.pkl: dangerous", "b/unknown.npy: unknown", "c/inert.npy: inert"]
            .map(|line| found.stdout.find(&format!("{}/{line}", folder.path().display())))
            .to_vec();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", found.stdout);
    let last = found.stdout.lines().last().unwrap();
    let expected = "3 files: 1 dangerous, 1 unknown, 1 inert; 2 without pickles or arrays";
    assert_eq!(last, expected);
    // The same lines, however the threads take turns.
    for _ in 0..5 {
        assert_eq!(audit(folder.path(), &[]).stdout, found.stdout);
    }
}

#[test]
fn worst_of_several_files_gives_the_exit_code() {
    let folder = folder_of_all_verdicts();
    let exit = |names: &[&str]| {
        let files = names.iter().map(|name| folder.path().join(name));
        ran(command(["audit"]).args(files).output()).code
    };
    let [dangerous, unknown, inert] = ["a/dangerous.pkl", "b/unknown.npy", "c/inert.npy"];
    assert_eq!(exit(&[inert, inert]), Some(0));
    assert_eq!(exit(&["missing", inert]), Some(1));
    assert_eq!(exit(&["missing", unknown, inert]), Some(4));
    assert_eq!(exit(&["missing", unknown, dangerous]), Some(3));
    // A file that is named is audited whatever it is.
    assert_eq!(exit(&["README.md"]), Some(4));
    assert_eq!(exit(&["c"]), Some(0));
}

#[test]
fn file_in_folder_counts_by_its_contents_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    // A pickle, one that breaks off before it names anything, and one of protocol 0.
    for (bytes, code) in [(EVIL, 3), (&EVIL[..4], 4), (b"cos\nsystem\n", 3), (b"just text", 0)] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(audit(folder.path(), &[]).code, Some(code), "{}", bytes.escape_ascii());
    }
    // By its name a pickle, so it has to be understood.
    fs::write(folder.path().join("model.pkl.gz"), "just text").unwrap();
    assert_eq!(audit(folder.path(), &[]).code, Some(4));
}

#[test]
fn gitignored_file_is_audited_with_no_ignore() {
    let folder = folder_of_all_verdicts();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join(".git/index.pkl"), EVIL).unwrap();
    fs::write(folder.path().join(".gitignore"), "/a\n/b\n").unwrap();
    assert_eq!(audit(folder.path(), &[]).code, Some(0));
    assert_eq!(audit(folder.path(), &["--no-ignore"]).code, Some(3));
    // A file that is named, and a hidden one.
    assert_eq!(audit(&folder.path().join("a/dangerous.pkl"), &[]).code, Some(3));
    fs::write(folder.path().join("c/.hidden"), EVIL).unwrap();
    assert_eq!(audit(folder.path(), &[]).code, Some(3));
}

#[test]
fn standard_input_is_audited_as_a_pipe() {
    use std::process::Stdio;
    let folder = folder_of_all_verdicts();
    let mut run = command([Path::new("audit"), Path::new("-"), &folder.path().join("c")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    run.stdin.take().unwrap().write_all(EVIL).unwrap();
    let found = ran(run.wait_with_output());
    assert_eq!(found.code, Some(3));
    assert!(found.stdout.starts_with("-: dangerous\n"), "{}", found.stdout);
}

#[test]
fn sarif_has_a_result_for_each_issue() {
    let folder = folder_of_all_verdicts();
    let mut run = command(["audit", "--format", "sarif", "a", "b", "missing"]);
    let found = ran(run.current_dir(folder.path()).output());
    assert_eq!(found.code, Some(3));
    let log: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let [dangerous, unknown] = &results[..] else { panic!("{results:?}") };
    let place = &dangerous["locations"][0]["physicalLocation"];
    assert_eq!(dangerous["ruleId"], "dangerous-name");
    assert_eq!(place["artifactLocation"]["uri"], "a/dangerous.pkl");
    assert_eq!(place["region"]["byteOffset"], 2);
    let rule = usize::try_from(unknown["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(unknown["ruleId"], "incomplete");
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], "incomplete");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn github_annotation_has_the_file_and_the_check() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a,b%.pkl"), EVIL).unwrap();
    let mut run = command(["audit", "--format", "github", "."]);
    let found = ran(run.current_dir(folder.path()).output());
    assert_eq!(found.code, Some(3));
    let expected = "::error file=./a%2Cb%25.pkl,title=dangerous-name::./a,b%25.pkl: os.system: runs \
                    commands, changes files (at byte 2)\n";
    assert_eq!(found.stdout, expected);
}

#[test]
fn names_and_libraries_are_allowed_and_denied() {
    let file = fixture("hand-pickled/os-system.npy");
    for (options, code) in [
        (&["--allow", "os.system"][..], 0),
        (&["--allow", "pandas,os.system"], 0),
        (&["--allow", "pandas,sklearn,scipy,torch,joblib"], 3),
        (&["--allow", "os.system", "--deny", "os.*"], 3),
        (&["--allow", "system"], 2),
        (&["--allow", "missing/list.txt"], 2),
    ] {
        assert_eq!(audit(&file, options).code, Some(code), "{options:?}");
    }
    let good = fixture("arrays/ragged-p4-py3.9-np2.0.npy");
    assert_eq!(audit(&good, &["--deny", "numpy.ndarray"]).code, Some(3));
}

#[test]
fn policy_file_has_rules_by_path() {
    let folder = folder_of_all_verdicts();
    let policy = folder.path().join("npyo.toml");
    fs::write(
        &policy,
        "version = 1\n[[rules]]\npaths = ['a/**']\nallow = ['os.system']\n[[rules]]\npaths = \
         ['b/*.npy']\nskip = 'known to be cut'\n",
    )
    .unwrap();
    let found = audit(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let last = found.stdout.lines().last().unwrap();
    assert!(last.ends_with("; 1 skipped by the policy"), "{last}");
    // Paths are relative to the folder of the policy, wherever the run is.
    let mut run = command(["audit", "--policy", "../npyo.toml", "dangerous.pkl"]);
    assert_eq!(ran(run.current_dir(folder.path().join("a")).output()).code, Some(0));
    fs::write(&policy, "version = 1\nrule = []\n").unwrap();
    let found = audit(folder.path(), &["--policy", policy.to_str().unwrap()]);
    assert_eq!(found.code, Some(2));
    assert!(found.stderr.contains("npyo.toml: policy: "), "{}", found.stderr);
}
