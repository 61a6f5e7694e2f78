//! The text files of the tree: those that git tracks, or, without a repository, those that lie there.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::sh;

/// A text file.
pub struct File {
    /// From the workspace's root, with `/`.
    pub path: String,
    pub text: String,
}

/// Reads them; binary files and those deleted but not yet committed are passed over.
pub fn read(root: &Path) -> Result<Vec<File>> {
    let mut paths = Vec::new();
    if root.join(".git").exists() {
        // The checkout may belong to another user than the one who tests it.
        let mut git = Command::new("git");
        git.args(["-c", "safe.directory=*", "ls-files", "-z"])
            .current_dir(root);
        paths.extend(sh::output(&mut git)?.split_terminator('\0').map(str::to_owned));
    } else {
        walk(root, "", &mut paths)?;
    }
    let text = |path: String| {
        let bytes = std::fs::read(root.join(&path)).ok()?;
        Some(File {
            text: String::from_utf8(bytes).ok()?,
            path,
        })
    };
    Ok(paths.into_iter().filter_map(text).collect())
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "target" || name == ".git" {
            continue;
        }
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if entry.file_type()?.is_dir() {
            walk(root, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
