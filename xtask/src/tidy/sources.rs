//! Rules for Rust files: a head, a bounded length, purity of the pure crates, and unsafe code only
//! where it is looked for.

use std::ffi::OsStr;
use std::path::Path;

use super::tree::File;

/// Lines.
const LONGEST: usize = 600;
/// Files that may be longer, each with its bound and its reason. An entry that is no longer needed
/// is a complaint: the list can only shrink.
const RATCHET: &[(&str, usize, &str)] = &[];
/// What a pure crate must not name outside its tests.
const IMPURE: [&str; 8] = [
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "SystemTime",
    "Instant",
    "TcpStream",
    "println!",
];
/// Split, so that this file keeps its own rule.
const UNSAFE: &str = concat!("un", "safe");

/// What one file breaks; `pure` names the crates without clock, file or thread.
pub fn complaints(file: &File, pure: &[String]) -> Vec<String> {
    if Path::new(&file.path).extension() != Some(OsStr::new("rs")) {
        return Vec::new();
    }
    let path = &file.path;
    let mut found = Vec::new();
    if !headless(path) && !file.text.starts_with("//!") {
        found.push(format!(
            "{path}: begins without a `//!` head that says what it does"
        ));
    }
    let lines = file.text.lines().count();
    let bound = RATCHET
        .iter()
        .find(|entry| entry.0 == path)
        .map_or(LONGEST, |entry| entry.1);
    if lines > bound {
        found.push(format!(
            "{path}: {lines} lines, at most {bound}; split it by duty"
        ));
    }
    let is_pure = pure
        .iter()
        .any(|name| path.starts_with(&format!("crates/{name}/src/")));
    let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
    for (number, line) in (1..).zip(code(&file.text)) {
        if !path.ends_with("/sys.rs") && names(line, UNSAFE) {
            found.push(format!("{path}:{number}: {UNSAFE} code outside a sys.rs"));
        }
        if is_pure && !is_test {
            let impure = IMPURE.iter().find(|word| names(line, word));
            found.extend(impure.map(|word| format!("{path}:{number}: {word} in a pure crate")));
        }
    }
    found
}

/// Entries of the ratchet that no file needs any more.
pub fn stale(files: &[File]) -> Vec<String> {
    let needed = |entry: &&(&str, usize, &str)| {
        files
            .iter()
            .any(|file| file.path == entry.0 && file.text.lines().count() > LONGEST)
    };
    let stale = RATCHET.iter().filter(|entry| !needed(entry));
    stale
        .map(|(path, _, why)| format!("{path}: needs no exception any more ({why}); drop it"))
        .collect()
}

/// Files of the catalogue are one declaration each, and the page beside them is their head.
fn headless(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("crates/whyreset-causes/src/catalog/") else {
        return false;
    };
    rest == "unknown.rs" || rest.matches('/').count() == 1
}

/// Lines without their comments, up to a test module at the end of the file.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end]
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// Whether the word stands in the line by itself; words with a hyphen are no Rust.
fn names(line: &str, word: &str) -> bool {
    let within = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(within)
            && !line[at + word.len()..].chars().next().is_some_and(within)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> usize {
        let file = File {
            path: path.into(),
            text: text.into(),
        };
        complaints(&file, &["whyreset-causes".to_owned()]).len()
    }

    #[test]
    fn heads() {
        assert_eq!(of("crates/a/src/b.rs", "fn a() {}\n"), 1);
        assert_eq!(of("crates/a/src/b.rs", "//! B.\n"), 0);
        assert_eq!(
            of("crates/whyreset-causes/src/catalog/closed/x.rs", "use y;\n"),
            0
        );
        assert_eq!(of("crates/whyreset-causes/src/catalog/closed.rs", "use y;\n"), 1);
        assert_eq!(of("a.md", "text\n"), 0);
    }

    #[test]
    fn length() {
        assert_eq!(of("a.rs", &"//! A.\n".repeat(LONGEST)), 0);
        assert_eq!(of("a.rs", &"//! A.\n".repeat(LONGEST + 1)), 1);
    }

    #[test]
    fn purity() {
        let text = "//! A.\nuse std::fs::File;\n";
        assert_eq!(of("crates/whyreset-causes/src/a.rs", text), 1);
        assert_eq!(of("crates/whyreset-causes/tests/a.rs", text), 0);
        assert_eq!(of("crates/whyreset-host/src/a.rs", text), 0);
        let inside = "//! A.\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(of("crates/whyreset-causes/src/a.rs", inside), 0);
        assert_eq!(
            of(
                "crates/whyreset-causes/src/a.rs",
                "//! A.\n// An Instant later.\n"
            ),
            0
        );
        assert_eq!(
            of(
                "crates/whyreset-causes/src/a.rs",
                "//! A.\nfn a(b: Instantly) {}\n"
            ),
            0
        );
    }

    #[test]
    fn where_unchecked_code_may_stand() {
        let text = format!("//! A.\nfn a() {{ {UNSAFE} {{}} }}\n");
        assert_eq!(of("crates/a/src/b.rs", &text), 1);
        assert_eq!(of("crates/a/src/sys.rs", &text), 0);
        assert_eq!(
            of(
                "crates/a/src/b.rs",
                &format!("//! A.\n#![forbid({UNSAFE}_code)]\n")
            ),
            0
        );
    }
}
