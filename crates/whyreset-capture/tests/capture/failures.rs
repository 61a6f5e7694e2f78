//! What cannot be read says what, why and what to do next.

use std::io;
use std::path::Path;

use whyreset_capture::{CaptureError, Reader};

use crate::bytes::{LITTLE, file, open};

fn fails(bytes: &[u8]) -> String {
    open(bytes).expect_err("no capture").to_string()
}

#[test]
fn what_is_no_capture_is_named_by_its_first_bytes() {
    assert_eq!(
        fails(b"{\"schema\": 1, \"more\": true}"),
        "`test` is not a capture: starts with `{\"schema\": 1, \"m`; whyreset read takes pcap and pcapng, also gzip, zstd or lz4"
            .replace("{\"schema\": 1, \"m", "{\\\"schema\\\": 1, \\\"m")
    );
    assert!(fails(&[0, 1, 2]).contains("starts with 00 01 02;"));
    assert!(fails(b"BZh91AY").contains("bzip2 -dc"));
    assert!(fails(b"\xfd7zXZ\0\0").contains("xz -dc"));
    assert!(fails(b"snoop\0\0\0").contains("editcap"));
    assert!(
        fails(b"\x1b[2J\x1b[1;1H").contains("1b 5b 32 4a"),
        "nothing that a terminal obeys"
    );
}

#[test]
fn an_empty_one_a_directory_a_missing_one() {
    assert!(fails(b"").contains("is empty"));
    let empty = file(b"");
    assert!(matches!(
        Reader::open(empty.path()),
        Err(CaptureError::Empty { .. })
    ));
    let dir = tempfile::tempdir().expect("a directory");
    for error in [
        Reader::open(dir.path()).err(),
        Reader::open_at(dir.path(), 24, 1).err(),
    ] {
        let error = error.expect("a directory is no file").to_string();
        assert!(
            error.contains("is a directory; name the capture files in it"),
            "{error}"
        );
    }
    let error = Reader::open(&dir.path().join("none\x1b[2J"))
        .expect_err("nothing there")
        .to_string();
    assert!(
        error.contains("No such file or directory; check the name"),
        "{error}"
    );
    assert!(!error.contains('\x1b'));
}

#[test]
fn no_permission_says_how_to_read_it_all_the_same() {
    let why = io::Error::from_raw_os_error(13);
    let error = CaptureError::Open {
        name: "x.pcap".to_owned(),
        why,
    };
    assert_eq!(
        error.to_string(),
        "cannot open `x.pcap`: Permission denied; read it as a user who may, or pipe it in: sudo cat FILE | whyreset read -"
    );
}

/// Gives some bytes, then an error, as a failing disk does.
struct Failing(Vec<u8>);

impl io::Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::from_raw_os_error(5));
        }
        let count = self.0.len().min(buf.len());
        buf[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_read_error_comes_after_the_records_before_it() {
    let bytes = LITTLE.legacy(3);
    let len = bytes.len();
    let read = crate::bytes::drain(Reader::from_read("disk", Failing(bytes)).expect("it opens"));
    assert_eq!(read.records.len(), 3);
    let error = read.error.expect("the disk fails").to_string();
    assert_eq!(
        error,
        format!(
            "reading `disk` failed after {len} bytes: Input/output error; all records before that were read"
        )
    );
}

#[test]
fn a_file_read_from_its_middle_must_be_plain_legacy() {
    let pcapng = file(&LITTLE.pcapng(3));
    assert!(matches!(
        Reader::open_at(pcapng.path(), 24, 1),
        Err(CaptureError::Unsupported { .. })
    ));
    assert!(Reader::open_at(Path::new("/dev/null"), 24, 1).is_err());
}
