//! Rules for every text file: no path of one machine, no unfinished business; and the pages that
//! must be there.

use std::path::Path;

use super::tree::File;

const PAGES: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "LIMITATIONS.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];
/// Folders at the root of somebody's machine, which mean nothing on another.
const MACHINE: [&str; 3] = ["work", "root", "farm"];
/// Split, so that this file keeps its own rule.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("dbg", "!")];

/// Pages that are not there.
pub fn missing(root: &Path) -> Vec<String> {
    let gone = PAGES.iter().filter(|page| !root.join(page).is_file());
    gone.map(|page| format!("{page}: missing")).collect()
}

/// What one file says that it must not.
pub fn complaints(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let place = format!("{}:{number}", file.path);
        if let Some(folder) = MACHINE.iter().find(|folder| machine_path(line, folder)) {
            found.push(format!("{place}: a path of one machine (/{folder}/)"));
        }
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            found.push(format!("{place}: {word}; finish it, or open an issue"));
        }
    }
    found
}

fn machine_path(line: &str, folder: &str) -> bool {
    let within = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    line.match_indices(&format!("/{folder}/"))
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_from_the_root_is_one_of_a_machine() {
        for (line, is) in [
            ("see /X/notes", true),
            ("(/X/notes)", true),
            ("/X/notes", true),
            ("src/X/notes", false),
            ("./X/notes", false),
            ("HOME=/X", false),
        ] {
            let line = line.replace('X', MACHINE[0]);
            assert_eq!(machine_path(&line, MACHINE[0]), is, "{line}");
        }
    }

    #[test]
    fn unfinished_business_is_found_with_its_line() {
        let text = format!("fine\n// {}: later\n", UNFINISHED[0]);
        let found = complaints(&File {
            path: "a.rs".into(),
            text,
        });
        assert!(
            matches!(&found[..], [one] if one.starts_with("a.rs:2: ")),
            "{found:?}"
        );
    }
}
