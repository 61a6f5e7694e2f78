//! Files that mean harm, or are none: claims of gigabytes, bombs, files that grow, directories, no
//! permission, fifos that end too early. The kernel itself holds the memory (`ulimit -d`). Refuses to
//! know how captures are read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Folder, Tap, late_write, run, stderr, verdicts, whyreset};

/// Private writable memory that reading may take, KiB: buffers, a table, stacks of threads.
const ROOM: u64 = 32 << 10;
/// Besides, what the largest window takes that a zstd frame is given: twice its 128 MiB are reserved.
const WINDOW: u64 = 256 << 10;

/// Runs `whyreset read` with so much private memory and no more: beyond it, it would be aborted.
fn within(kib: u64, args: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", &format!("ulimit -d {kib} && exec \"$0\" read \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_whyreset"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Data of a record, with whose header it is 64 KiB.
const EACH: u32 = 65_520;

fn refuses(output: &Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
}

/// A legacy record's header of this length.
fn record(length: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[8..12].copy_from_slice(&length.to_le_bytes());
    header[12..].copy_from_slice(&length.to_le_bytes());
    header
}

/// A record of zeros, 64 KiB with its header.
fn zeros() -> Vec<u8> {
    let mut bytes = record(EACH).to_vec();
    bytes.resize(16 + EACH as usize, 0);
    bytes
}

fn block(kind: u32, length: u32, body: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &length.to_le_bytes(), body].concat::<u8>()
}

#[test]
fn a_small_file_that_claims_gigabytes_is_refused() {
    let folder = Folder::new("claims");
    let section = [
        &block(
            0x0a0d_0d0a,
            28,
            &[
                0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
            ],
        )[..],
        &28_u32.to_le_bytes(),
        &block(1, 20, &[101, 0, 0, 0, 0, 0, 0, 0]),
        &20_u32.to_le_bytes(),
    ]
    .concat();
    let huge = u32::MAX.to_le_bytes();
    let packet = |length: u32, captured: &[u8]| {
        let body = [&[0; 12][..], captured, captured].concat();
        [&section[..], &block(6, length, &body)].concat()
    };
    for (name, mut bytes) in [
        ("record.pcap", [&Tap::new().bytes[..], &record(u32::MAX)].concat()),
        ("block.pcapng", packet(u32::MAX - 3, &[0; 4])),
        ("packet.pcapng", packet(3_988, &huge)),
    ] {
        // A snaplen that would allow it.
        if name == "record.pcap" {
            bytes[16..20].copy_from_slice(&huge);
        }
        bytes.resize(4_096, 0);
        let file = folder.put(name, &bytes);
        refuses(&within(ROOM, &[&file]), &[name]);
        refuses(
            &within(ROOM, &[&file, &folder.put("other.pcap", &late_write())]),
            &[name],
        );
        refuses(
            &within(ROOM, &[&file, "--annotate", &folder.path("out")]),
            &[name],
        );
    }
}

/// Where a capture of many empty-looking records would claim 4 GiB at its end.
fn claimed() -> [u8; 16] {
    record(u32::MAX)
}

fn gzip(mib: usize) -> Vec<u8> {
    let pack = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let one = zeros();
    let mut packed = pack(&Tap::new().bytes);
    packed.extend(pack(&one.repeat(16)).repeat(mib));
    packed.extend(pack(&claimed()));
    packed
}

/// One frame whose window is 1 KiB shifted by so much; its blocks are bytes as they are, or one of them
/// many times.
fn zstd(mib: usize, shift: u8) -> Vec<u8> {
    let block = |kind: u32, size: usize, last: bool| {
        let word = u32::try_from(size).unwrap() << 3 | kind << 1 | u32::from(last);
        word.to_le_bytes()[..3].to_vec()
    };
    let raw = |bytes: &[u8], last| [&block(0, bytes.len(), last)[..], bytes].concat();
    let mut packed = vec![0x28, 0xb5, 0x2f, 0xfd, 0, shift << 3];
    packed.extend(raw(&Tap::new().bytes, false));
    for _ in 0..mib * 16 {
        packed.extend(raw(&record(EACH), false));
        packed.extend([&block(1, EACH as usize, false)[..], &[0]].concat());
    }
    packed.extend(raw(&claimed(), true));
    packed
}

fn lz4(mib: usize) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&Tap::new().bytes).unwrap();
    let one = zeros();
    for _ in 0..mib * 16 {
        encoder.write_all(&one).unwrap();
    }
    encoder.write_all(&claimed()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_of_any_packer_costs_time_alone() {
    let folder = Folder::new("bombs");
    for (name, bytes, mib, room) in [
        ("bomb.gz", gzip(48), 48, ROOM),
        ("bomb.lz4", lz4(96), 96, ROOM),
        ("bomb.zst", zstd(96, 10), 96, ROOM),
        ("wide.zst", zstd(320, 17), 320, ROOM + WINDOW),
    ] {
        let packed = u64::try_from(bytes.len()).unwrap() >> 10;
        assert!(
            packed * 64 < mib << 10 && mib << 10 > room,
            "{name}: {packed} KiB"
        );
        let file = folder.put(name, &bytes);
        refuses(&within(room, &[&file]), &[name, "claims 4294967295 bytes"]);
    }
}

#[test]
fn a_window_that_no_packer_needs_is_refused() {
    let folder = Folder::new("window");
    // 3.75 TiB, the most that a frame can ask for.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0xff];
    frame.resize(4_096, 0);
    let file = folder.put("wide.zst", &frame);
    refuses(&within(ROOM, &[&file]), &["wide.zst", "window"]);
}

/// Appends a record again and again, in two pieces, until it is dropped.
struct Growing(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Growing {
    fn new(path: &str, more: Vec<u8>) -> Self {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        let going = Arc::new(AtomicBool::new(true));
        let goes = going.clone();
        let thread = thread::spawn(move || {
            while goes.load(Ordering::Relaxed) {
                let (front, back) = more.split_at(more.len() / 2);
                file.write_all(front).unwrap();
                thread::sleep(Duration::from_millis(1));
                file.write_all(back).unwrap();
            }
        });
        Self(going, Some(thread))
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        _ = self.1.take().map(thread::JoinHandle::join);
    }
}

#[test]
fn a_file_that_grows_is_read_and_ends() {
    let folder = Folder::new("grows");
    let begun = late_write();
    // Small files are read in one pass, large ones in two.
    for large in [false, true] {
        let mut bytes = begun.clone();
        while large && bytes.len() < 34 << 20 {
            bytes.extend(zeros());
        }
        let file = folder.put("grows.pcap", &bytes);
        let more = zeros();
        let growing = Growing::new(&file, more);
        let output = within(ROOM, &[&file, "-o", "json"]);
        drop(growing);
        let said = verdicts(&output);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0]["cause"]["id"], "write-after-close", "{}", stderr(&output));
    }
}

#[test]
fn a_directory_among_files_is_named() {
    let folder = Folder::new("directory");
    let file = folder.put("late.pcap", &late_write());
    let directory = folder.path("captures");
    fs::create_dir(&directory).unwrap();
    for args in [&[&*directory][..], &[&file, &directory], &[&directory, &file]] {
        refuses(
            &run(args),
            &["captures", "is a directory; name the capture files in it"],
        );
    }
    let output = run(&[&file, "--annotate", &directory]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("captures"), "{}", stderr(&output));
}

#[test]
fn no_permission_is_told_with_a_way_around() {
    const NOBODY: u32 = 65_534;
    let folder = Folder::new("permission");
    let file = folder.put("mine.pcap", &late_write());
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    let mut command = whyreset(&[&file]);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // Root reads everything.
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        Ok(output) => refuses(&output, &["mine.pcap", "Permission denied", "sudo cat"]),
        Err(why) => println!("skipped 1 check: another user cannot run the binary here ({why})"),
    }
}

#[test]
fn a_fifo_that_ends_too_early_is_told() {
    let folder = Folder::new("fifo");
    let whole = late_write();
    let read = |name: &str, bytes: &[u8]| {
        let fifo = folder.path(name);
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let child = whyreset(&[&fifo, "-o", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut into = File::options().write(true).open(&fifo).unwrap();
        // Who refuses it reads no more.
        _ = into.write_all(bytes);
        drop(into);
        child.wait_with_output().unwrap()
    };
    // In the middle of a record: what came before it counts.
    let cut = read("cut", &whole[..whole.len() - 5]);
    assert_eq!(cut.status.code(), Some(0), "{}", stderr(&cut));
    assert!(stderr(&cut).contains("cut"), "{}", stderr(&cut));
    assert!(stderr(&cut).contains("9 frames"), "{}", stderr(&cut));
    // In the middle of the file's header, or before it.
    refuses(&read("header", &whole[..11]), &["header"]);
    refuses(&read("empty", b""), &["empty"]);
    // Of a packed stream the same.
    let packed = gzip(1);
    let cut = read("packed", &packed[..packed.len() / 2]);
    assert_eq!(cut.status.code(), Some(0), "{}", stderr(&cut));
    assert!(stderr(&cut).contains("cut"), "{}", stderr(&cut));
}
