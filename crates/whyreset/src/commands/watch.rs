//! `whyreset watch`: wires kernel, judge and faces together, and keeps the policy.

mod askers;
mod desk;
mod forwarded;
mod replay;
pub(crate) mod rulebook;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use whyreset_host::{Spaces, netns, privileges};
use whyreset_live::{Listen, Options, Stream, Tap, Watcher};

use self::askers::Askers;
use self::desk::Desk;
use self::forwarded::Forwarded;
use self::rulebook::Rulebook;
use crate::args::{Watch, Wire};
use crate::holders::Table;
use crate::logbook::Opened;
use crate::screen;

/// Longest time between two looks at signals and the clock.
const LOOK_UP: Duration = Duration::from_millis(200);
/// While an answer about rules is awaited.
const SOON: Duration = Duration::from_millis(10);

/// Watches until told to stop.
pub fn run(args: &Watch) -> ExitCode {
    match Desk::new(args).and_then(|desk| match &args.replay {
        Some(recording) if args.logs.logs.is_empty() => replay::replay(recording, desk),
        Some(_) => {
            anyhow::bail!("--replay judges what was recorded, lines of logs included; leave --logs out")
        }
        None => watch(desk),
    }) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

fn watch(mut desk: Desk<'_>) -> Result<ExitCode> {
    let args = desk.args;
    let netns = args.netns.as_deref().map(netns::inode_of).transpose()?;
    let missing = privileges::missing_for_live();
    if !missing.is_empty() {
        anyhow::bail!(
            "{} missing: the kernel lets only privileged programs watch it; run `sudo whyreset`, or give the file the \
             capabilities once: `sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep $(command -v whyreset)`",
            missing.join(" and ")
        );
    }
    let stop = stop_flag()?;
    let rulebook = Rulebook::open(netns)
        .inspect_err(|error| notice(&format!("not seen: which rule rejects ({error})")))
        .ok();
    let spaces = Spaces::open(netns);
    if let Some(error) = spaces.deaf() {
        notice(&format!(
            "not seen: translations (NAT) that connection tracking forgets ({error}; CAP_NET_ADMIN and nf_conntrack_netlink are needed)"
        ));
    }
    let logs = Opened::open(&args.logs)?;
    let mut forwarded = args.forwarded.then(|| open_stream(netns)).transpose()?;
    let tap = args.wire.map(|wire| open_tap(netns, wire)).transpose()?;
    let mut watcher = Watcher::attach(
        &Options {
            netns,
            ring: args.ring,
        },
        Box::new(Table::scanned(spaces)),
    )?;
    if let Some(tap) = tap {
        watcher.tap(tap);
    }
    if let Err(error) = privileges::drop_all_but_lookup() {
        notice(&format!("privileges could not be dropped: {error}"));
    }
    let mut askers = Askers {
        rulebook,
        logs: logs.map(Opened::follow),
    };
    announce(args, &watcher)?;
    let unseen = privileges::missing_for_lookup();
    if !unseen.is_empty() {
        notice(&format!(
            "{} missing: whose socket it is cannot be looked up for other users' processes (who closes one is still known)",
            unseen.join(" and ")
        ));
    }
    // A time too far away for the clock is no end at all.
    let end = args.duration.and_then(|span| Instant::now().checked_add(span));
    while !stop.load(Ordering::Relaxed) && desk.is_open() {
        let left = end.map_or(LOOK_UP, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        let wait = if askers.is_waiting() { SOON } else { LOOK_UP };
        watcher.poll(left.min(wait), &mut |dossier| {
            askers.hand_over(dossier, &mut desk)
        });
        if let Some(forwarded) = &mut forwarded {
            forwarded.look(&mut watcher, &mut |dossier| askers.hand_over(dossier, &mut desk));
        }
        askers.take_answers(&mut desk);
    }
    if desk.is_open() {
        watcher.flush(&mut |dossier| askers.hand_over(dossier, &mut desk));
        if let Some(forwarded) = &mut forwarded {
            forwarded.finish(&mut watcher, &mut |dossier| askers.hand_over(dossier, &mut desk));
        }
        while desk.is_open() && askers.is_waiting() {
            askers.take_answers(&mut desk);
            std::thread::sleep(SOON);
        }
    }
    if let Some(lost) = forwarded.map(|forwarded| forwarded.lost).filter(|&lost| lost > 0) {
        notice(&format!(
            "{lost} packets passed unseen: they came faster than they were read"
        ));
    }
    if desk.has_reader() {
        notice(&desk.summary.text(false));
    }
    if watcher.lost() > 0 {
        notice(&format!(
            "{} kernel events were lost: the ring was full; give it more with --ring, or narrow the view with --netns",
            watcher.lost()
        ));
    }
    desk.code()
}

fn open_stream(netns: Option<u32>) -> Result<Forwarded> {
    let stream = netns::inside(netns, Stream::open)?
        .context("cannot open a packet socket for --forwarded; CAP_NET_RAW is needed, run with sudo")?;
    Ok(Forwarded::new(stream))
}

fn open_tap(netns: Option<u32>, wire: Wire) -> Result<Tap> {
    let listen = match wire {
        Wire::Always => Listen::Always,
        Wire::Auto => Listen::WhenArmed,
    };
    netns::inside(netns, move || Tap::open(listen))?
        .context("cannot open a packet socket for --wire; CAP_NET_RAW is needed, run with sudo")
}

/// Set by SIGINT and SIGTERM; a second one ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("cannot listen to signals")?;
    }
    Ok(stop)
}

fn announce(args: &Watch, watcher: &Watcher) -> Result<()> {
    let place = if args.netns.is_some() {
        "in this network namespace"
    } else {
        "on this host"
    };
    notice(&format!(
        "watching every TCP reset {place}; Ctrl-C ends with a summary"
    ));
    for blind in watcher.missing() {
        notice(&format!("not seen: {} ({})", blind.what, blind.cure));
    }
    if let Some(fd) = args.ready_fd {
        let path = format!("/proc/self/fd/{fd}");
        let written = File::options()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"\n"));
        written.with_context(|| format!("cannot write to descriptor {fd} given with --ready-fd"))?;
    }
    Ok(())
}

fn notice(text: &str) {
    for line in text.lines() {
        // Where not even stderr can be written there is nobody left to tell.
        _ = writeln!(io::stderr(), "whyreset: {line}");
    }
}
