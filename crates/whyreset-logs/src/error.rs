//! Why a log could not be read: what failed, why, and what to do. Knows no way around it.

use std::fmt;
use std::io;

/// What went wrong with one source.
#[derive(Debug)]
pub enum LogError {
    /// It could not be opened.
    Open {
        /// The source.
        name: String,
        /// Why.
        why: io::Error,
    },
    /// It is a directory.
    Directory {
        /// The source.
        name: String,
    },
    /// Reading it stopped.
    Read {
        /// The source.
        name: String,
        /// Plain bytes that had been read by then.
        after: u64,
        /// Why.
        why: io::Error,
    },
    /// Another program that was to deliver it could not be started.
    Start {
        /// The program.
        program: String,
        /// Why.
        why: io::Error,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, why } => match why.kind() {
                io::ErrorKind::PermissionDenied => {
                    write!(f, "cannot open {name}: {why}; run it as a user who may read it")
                }
                _ => write!(f, "cannot open {name}: {why}"),
            },
            Self::Directory { name } => write!(f, "{name} is a directory; name the log files in it"),
            Self::Read { name, after, why } => write!(
                f,
                "reading {name} stopped after {after} bytes: {why}; what came before was searched"
            ),
            Self::Start { program, why } => {
                write!(f, "cannot start {program}: {why}; name the log's file instead")
            }
        }
    }
}

impl std::error::Error for LogError {}
