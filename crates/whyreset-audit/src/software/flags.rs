//! Python servers that take their timer from the command line, or from a file of settings.

use std::path::{Path, PathBuf};

use whyreset_host::inspect::{Files, Holder, Unread};

use super::{FILE, Idle, Ports, Program, Timers, time};

pub(super) static GUNICORN: Program = Program {
    fits: |holder| runs(holder, "gunicorn"),
    read: gunicorn,
};

pub(super) static UVICORN: Program = Program {
    fits: |holder| runs(holder, "uvicorn"),
    read: |holder, _| Ok(uvicorn(holder)),
};

/// Whether one of the first words is this script: an interpreter stands before it.
fn runs(holder: &Holder, script: &str) -> bool {
    let words = holder.command.iter().take(4);
    let mut names = words.map(|word| word.rsplit('/').next().unwrap_or_default());
    names.any(|name| name == script)
}

/// The value of `--flag VALUE` or `--flag=VALUE`; the last one counts.
fn value<'a>(holder: &'a Holder, names: &[&str]) -> Option<&'a str> {
    let words = &holder.command;
    let of = |(index, word): (usize, &'a String)| {
        names.iter().find_map(|name| {
            let rest = word.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => words.get(index + 1).map(String::as_str),
                None => None,
            }
        })
    };
    words.iter().enumerate().filter_map(of).next_back()
}

fn timers(ms: u64, setting: String, cite: String, assumed: bool, change: &'static str) -> Timers {
    let idle = Idle {
        ms,
        setting,
        cite,
        assumed,
        change,
    };
    Timers {
        server: Ports::all(idle),
        client: Ports::default(),
    }
}

fn uvicorn(holder: &Holder) -> Timers {
    const FLAG: &str = "--timeout-keep-alive";
    let change = "start it with `--timeout-keep-alive {s}`";
    let cite = format!("/proc/{}/cmdline", holder.process.pid);
    let told = value(holder, &[FLAG]).and_then(|text| time::ms(text, 1_000));
    match told {
        Some(ms) => timers(ms, format!("{FLAG} {}", ms / 1_000), cite, false, change),
        None => timers(
            5_000,
            format!("{FLAG} 5"),
            format!("uvicorn's default; not in {cite}"),
            true,
            change,
        ),
    }
}

fn gunicorn(holder: &Holder, files: &Files) -> Result<Timers, Unread> {
    const FLAG: &str = "--keep-alive";
    let change = "start it with `--keep-alive {s}`";
    let cite = format!("/proc/{}/cmdline", holder.process.pid);
    if let Some(ms) = value(holder, &[FLAG]).and_then(|text| time::ms(text, 1_000)) {
        return Ok(timers(ms, format!("{FLAG} {}", ms / 1_000), cite, false, change));
    }
    let named = value(holder, &["-c", "--config"]);
    if named.is_some_and(|name| name.starts_with("python:")) {
        return Err(Unread {
            what: format!("the keep-alive time of gunicorn[{}]", holder.process.pid),
            cure: "its settings are a Python module; see `keepalive` there".to_owned(),
        });
    }
    let name = named.map_or("gunicorn.conf.py", |name| {
        name.strip_prefix("file:").unwrap_or(name)
    });
    let path = files
        .working_folder()
        .unwrap_or_else(|| PathBuf::from("/"))
        .join(name);
    match files.read(&path, FILE) {
        Ok(text) => {
            if let Some((line, seconds)) = assigned(&text, "keepalive") {
                let cite = format!("{}:{line}", path.display());
                let setting = format!("keepalive = {seconds}");
                return Ok(timers(
                    seconds.saturating_mul(1_000),
                    setting,
                    cite,
                    false,
                    change,
                ));
            }
        }
        Err(error) if named.is_some() => {
            return Err(Unread {
                what: format!("the settings of gunicorn[{}]", holder.process.pid),
                cure: format!("{}: {error}", show(&path)),
            });
        }
        Err(_) => {}
    }
    Ok(timers(
        2_000,
        format!("{FLAG} 2"),
        format!("gunicorn's default; not in {cite}"),
        true,
        change,
    ))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// `name = 5` at the beginning of a line, and the line's number.
fn assigned(text: &str, name: &str) -> Option<(usize, u64)> {
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?;
        let value = value.split('#').next()?.trim();
        value.parse().ok().map(|seconds| (number, seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    const PYTHON: &str = "/usr/bin/python3";

    fn idle(command: &[&str], files: &[(&str, &str)]) -> (u64, bool) {
        let timers = read(&GUNICORN, PYTHON, command, files).unwrap();
        {
            let idle = timers.server.of(80).unwrap();
            (idle.ms, idle.assumed)
        }
    }

    #[test]
    fn gunicorns_time_is_in_its_flags_or_its_file() {
        let script = "/usr/bin/gunicorn";
        assert_eq!(idle(&["python3", script, "app:app"], &[]), (2_000, true));
        assert_eq!(
            idle(&["python3", script, "--keep-alive", "65", "app:app"], &[]),
            (65_000, false)
        );
        assert_eq!(idle(&["python3", script, "--keep-alive=7"], &[]), (7_000, false));
        let file = ("/app/gunicorn.conf.py", "workers = 2\nkeepalive = 9  # s\n");
        assert_eq!(idle(&["python3", script, "app:app"], &[file]), (9_000, false));
        let file = ("/etc/g.py", "keepalive=11\n");
        assert_eq!(
            idle(&["python3", script, "-c", "/etc/g.py"], &[file]),
            (11_000, false)
        );
        assert!(read(&GUNICORN, PYTHON, &["python3", script, "-c", "/gone.py"], &[]).is_err());
        assert!(read(&GUNICORN, PYTHON, &["python3", script, "-c", "python:a.b"], &[]).is_err());
    }

    #[test]
    fn uvicorns_time_is_in_its_flags() {
        let command = ["python3", "/usr/bin/uvicorn", "a:a", "--timeout-keep-alive", "30"];
        let timers = read(&UVICORN, PYTHON, &command, &[]).unwrap();
        assert_eq!(timers.server.of(80).unwrap().ms, 30_000);
        let timers = read(&UVICORN, PYTHON, &command[..3], &[]).unwrap();
        assert_eq!(timers.server.of(80).unwrap().ms, 5_000);
    }
}
