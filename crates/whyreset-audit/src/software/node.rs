//! Node.js: its default, for the setting stands in the program's own code.

use super::{Idle, Ports, Program, Timers, executable};

pub(super) static PROGRAM: Program = Program {
    fits: |holder| matches!(executable(holder), "node" | "nodejs"),
    read: |_, _| {
        Ok(Timers {
            server: Ports::all(Idle {
                ms: 5_000,
                setting: "server.keepAliveTimeout of 5 s".to_owned(),
                cite: "Node.js http: the default; the program's code may set another".to_owned(),
                assumed: true,
                change: "set `server.keepAliveTimeout = {s}000` and `server.headersTimeout` above it in the program",
            }),
            client: Ports::default(),
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_assumed() {
        let timers = super::super::tests::read(&PROGRAM, "/usr/bin/node", &["node", "app.js"], &[]).unwrap();
        let idle = timers.server.of(80).unwrap();
        assert_eq!((idle.ms, idle.assumed), (5_000, true));
    }
}
