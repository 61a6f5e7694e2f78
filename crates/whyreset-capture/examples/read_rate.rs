//! Reads a capture to its end and prints how fast that went. Looks into no packet.

use std::path::Path;
use std::time::Instant;

use whyreset_capture::Reader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(file) = std::env::args_os().nth(1) else {
        return Err("which capture? usage: read_rate FILE".into());
    };
    let start = Instant::now();
    let mut reader = Reader::open(Path::new(&file))?;
    let (mut records, mut bytes) = (0_u64, 0_u64);
    // The sum keeps the compiler from leaving out what nobody uses.
    let mut sum = 0_u64;
    while let Some(record) = reader.next()? {
        records += 1;
        bytes += record.data.len() as u64;
        sum = sum
            .wrapping_add(record.at_ns.unwrap_or(0))
            .wrapping_add(u64::from(record.wire_len));
    }
    let seconds = start.elapsed().as_secs_f64();
    let read = reader.progress().bytes_read;
    for notice in reader.notices() {
        eprintln!("{notice}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person to read")]
    let (record_rate, byte_rate) = (records as f64 / seconds / 1e6, read as f64 / seconds / 1e6);
    println!("{records} records, {bytes} bytes of packets, sum {sum:x}");
    println!("{seconds:.3} s, {record_rate:.1} M records/s, {byte_rate:.0} MB/s of the file");
    Ok(())
}
