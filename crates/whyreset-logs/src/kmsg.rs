//! The kernel's log by /dev/kmsg, record by record. Refuses to wait: what is not there yet comes
//! with the next look.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use crate::LogError;

/// The kernel's own bound of one record is lower.
const LONGEST: usize = 8 * 1024;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRecord {
    /// Microseconds since boot.
    pub micros: i64,
    /// Its text, as the kernel escaped it.
    pub text: String,
}

impl KernelRecord {
    /// As `dmesg` writes it.
    pub fn line(&self) -> String {
        format!(
            "[{:5}.{:06}] {}",
            self.micros / 1_000_000,
            self.micros % 1_000_000,
            self.text
        )
    }
}

/// The open log.
pub struct KernelLog {
    file: File,
    /// Times that the ring had overtaken us: records were lost.
    pub overruns: u64,
}

impl KernelLog {
    /// Opens it at its oldest record.
    ///
    /// # Errors
    /// It cannot be opened: as a rule for want of CAP_SYSLOG.
    pub fn open() -> Result<Self, LogError> {
        const PATH: &str = "/dev/kmsg";
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened: Result<OwnedFd, _> = rustix::fs::open(PATH, flags, Mode::empty());
        match opened {
            Ok(fd) => Ok(Self {
                file: File::from(fd),
                overruns: 0,
            }),
            Err(why) => Err(LogError::Open {
                name: PATH.to_owned(),
                why: why.into(),
            }),
        }
    }

    /// The next record; `None` where there is none yet.
    ///
    /// # Errors
    /// Reading failed for another reason than an overrun.
    pub fn record(&mut self) -> io::Result<Option<KernelRecord>> {
        let mut buffer = [0; LONGEST];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(read) => {
                    if let Some(record) = record(&buffer[..read]) {
                        return Ok(Some(record));
                    }
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(why) if why.kind() == io::ErrorKind::BrokenPipe => self.overruns += 1,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
    }
}

/// `priority,sequence,microseconds,flags[,...];text\n KEY=value\n...`
fn record(bytes: &[u8]) -> Option<KernelRecord> {
    let text = String::from_utf8_lossy(bytes);
    let (head, rest) = text.split_once(';')?;
    let micros = head
        .split(',')
        .nth(2)?
        .parse()
        .ok()
        .filter(|micros| *micros >= 0)?;
    Some(KernelRecord {
        micros,
        text: rest.lines().next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_written_as_dmesg_does() {
        let one = record(b"4,1234,12345678901,-;TCP: too many orphaned sockets\n SUBSYSTEM=x\n").unwrap();
        assert_eq!(one.line(), "[12345.678901] TCP: too many orphaned sockets");
        assert_eq!(
            record(b"6,1,5,c;"),
            Some(KernelRecord {
                micros: 5,
                text: String::new()
            })
        );
        for bad in [&b""[..], b";", b"1,2", b"1,2,x,-;y", b"1,2,-7,-;y", b"\xff\xff;"] {
            assert_eq!(record(bad), None);
        }
    }

    #[test]
    fn this_hosts_log_is_read_where_it_may_be() {
        match KernelLog::open() {
            Ok(mut log) => {
                let mut last = 0;
                for _ in 0..1000 {
                    let Some(record) = log.record().unwrap() else {
                        break;
                    };
                    last = record.micros;
                }
                println!("last record at {last} us");
            }
            Err(why) => println!("skipped: {why}"),
        }
    }
}
