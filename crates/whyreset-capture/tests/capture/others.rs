//! Our counts and times beside those of tshark, capinfos and editcap.

use std::path::{Path, PathBuf};
use std::process::Command;

use whyreset_capture::Reader;

use crate::bytes::{BIG, LITTLE, corpus, drain, file};

/// Frame numbers and times as tshark has them; a frame without a time has 0. `None` where there is no tshark.
fn tshark(path: &Path) -> Option<Vec<(u64, u64)>> {
    let fields = [
        "-n",
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.cap_len",
    ];
    let said = Command::new("tshark")
        .arg("-r")
        .arg(path)
        .args(fields)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let rows = text.lines().map(|line| {
        let mut cells = line.split('\t');
        let number = cells.next().and_then(|n| n.parse().ok()).expect("a frame number");
        let time = cells.next().unwrap_or_default();
        let (seconds, fraction) = time.split_once('.').unwrap_or(("0", "0"));
        let ns = seconds.parse::<u64>().unwrap_or(0) * 1_000_000_000 + fraction.parse::<u64>().unwrap_or(0);
        (number, ns)
    });
    Some(rows.collect())
}

fn ours(path: &Path) -> Vec<(u64, u64)> {
    let read = drain(Reader::open(path).expect("it opens")).clean();
    read.records
        .iter()
        .map(|record| (record.number, record.at_ns.unwrap_or(0)))
        .collect()
}

#[test]
fn tshark_counts_and_times_the_same() {
    let kept = [
        file(&LITTLE.legacy(9)),
        file(&BIG.legacy(9)),
        file(
            &[
                LITTLE.pcap(0xa1b2_3c4d, 0, 1),
                LITTLE.rec(5, 123_456_789, 1, b"x"),
            ]
            .concat(),
        ),
        file(&[LITTLE.pcapng(3), BIG.pcapng(4)].concat()),
        file(
            &[
                BIG.shb(&[]),
                BIG.idb(1, 0, &BIG.opt(9, &[0x80 | 0x14])),
                BIG.epb(0, 3 << 19, 1, b"x", &[]),
            ]
            .concat(),
        ),
        file(
            &[
                LITTLE.pcapng(1),
                LITTLE.block(0x0bad, &[LITTLE.u32(32_473), b"data".to_vec()].concat()),
                LITTLE.epb(0, 7, 1, b"x", &[]),
                LITTLE.pb(0, 0, 8, b"yy", &[]),
                LITTLE.spb(3, b"zzz"),
            ]
            .concat(),
        ),
    ];
    let mut files: Vec<PathBuf> = kept.iter().map(|file| file.path().to_owned()).collect();
    files.extend(corpus());
    for path in files {
        let Some(theirs) = tshark(&path) else {
            println!("skipped: tshark is not installed");
            return;
        };
        let ours = ours(&path);
        let numbers: Vec<u64> = ours.iter().map(|(number, _)| *number).collect();
        // Frames that are no packets are not ours to give.
        let theirs: Vec<_> = theirs
            .into_iter()
            .filter(|(number, _)| numbers.contains(number))
            .collect();
        assert_eq!(ours, theirs, "{}", path.display());
        assert!(!ours.is_empty());
    }
}

#[test]
fn capinfos_counts_the_same() {
    for path in corpus() {
        let Ok(said) = Command::new("capinfos")
            .args(["-M", "-T", "-r", "-c"])
            .arg(&path)
            .output()
        else {
            println!("skipped: capinfos is not installed");
            return;
        };
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let count = text
            .trim()
            .rsplit('\t')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        assert_eq!(count, Some(ours(&path).len()), "{}: {text}", path.display());
    }
}

#[test]
fn what_editcap_converts_reads_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    for (index, path) in corpus().iter().enumerate() {
        for format in ["pcapng", "nsecpcap", "modpcap"] {
            let new = dir.path().join(format!("{index}.{format}"));
            let Ok(said) = Command::new("editcap")
                .args(["-F", format])
                .arg(path)
                .arg(&new)
                .output()
            else {
                println!("skipped: editcap is not installed");
                return;
            };
            if !said.status.success() {
                println!("skipped: editcap writes no {format} of {}", path.display());
                continue;
            }
            assert_eq!(ours(&new), ours(path), "{} as {format}", path.display());
        }
    }
}

#[test]
fn what_the_packers_own_tools_write_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let plain = dir.path().join("plain");
    let mut bytes = LITTLE.legacy(200);
    for second in 0..100_000_u32 {
        bytes.extend(LITTLE.rec(1_700_000_000 + second, 0, 60, &[second.to_le_bytes()[0]; 60]));
    }
    std::fs::write(&plain, bytes).expect("written");
    let expected = ours(&plain);
    for command in [
        &["gzip", "-c"][..],
        &["zstd", "-q", "-c"],
        &["zstd", "-q", "-c", "--long=27", "-19"],
        &["zstd", "-q", "-c", "--no-check", "-1"],
        &["lz4", "-q", "-c"],
        &["lz4", "-q", "-c", "-BD", "-B4", "--content-size"],
        &["lz4", "-q", "-c", "-l"],
    ] {
        let [program, arguments @ ..] = command else {
            continue;
        };
        let Ok(said) = Command::new(program).args(arguments).arg(&plain).output() else {
            println!("skipped: {program} is not installed");
            continue;
        };
        assert!(said.status.success(), "{command:?}");
        let packed = dir.path().join("packed");
        std::fs::write(&packed, said.stdout).expect("written");
        assert!(ours(&packed) == expected, "{command:?}");
    }
}
