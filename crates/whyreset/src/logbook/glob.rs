//! Files by a pattern of `*` and `?`, for a name that no shell has resolved. Refuses `**`, brackets
//! and hidden files, and directories as a result.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that one pattern gives at most.
const MOST: usize = 1_024;

/// Whether it is one.
pub fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?'])
}

/// The files it meets, in the order of their names.
pub fn files(pattern: &str) -> Vec<PathBuf> {
    let (mut places, parts) = match pattern.strip_prefix('/') {
        Some(rest) => (vec![PathBuf::from("/")], rest),
        None => (vec![PathBuf::new()], pattern),
    };
    for part in parts.split('/').filter(|part| !part.is_empty()) {
        places = places
            .iter()
            .flat_map(|place| step(place, part))
            .take(MOST)
            .collect();
    }
    places.retain(|place| place.is_file());
    places
}

fn step(place: &Path, part: &str) -> Vec<PathBuf> {
    if !is_pattern(part) {
        return vec![place.join(part)];
    }
    let folder = if place.as_os_str().is_empty() {
        Path::new(".")
    } else {
        place
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && meets(part.as_bytes(), name.as_bytes()))
        .map(|name| place.join(name))
        .collect();
    found.sort_unstable();
    found
}

fn meets(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(one) if *one == b'?' || *one == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, from) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|one| *one == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_names() {
        for (pattern, name, is) in [
            ("*.log", "error.log", true),
            ("*.log", "error.log.1", false),
            ("e*r.l?g*", "error.log.1", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
        ] {
            assert_eq!(meets(pattern.as_bytes(), name.as_bytes()), is, "{pattern} {name}");
        }
        let hostile = [b'a'; 4096];
        assert!(!meets(b"*a*a*a*a*a*b", &hostile));
    }

    #[test]
    fn files_are_found_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a/x.log", "b/y.log", "b/z.txt", "b/.h.log"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir(folder.path().join("b/d.log")).unwrap();
        let pattern = format!("{}/*/*.log", folder.path().display());
        let found: Vec<_> = files(&pattern)
            .into_iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        assert_eq!(found, [Path::new("a/x.log"), Path::new("b/y.log")]);
        assert!(files("/nonexistent/*").is_empty());
    }
}
