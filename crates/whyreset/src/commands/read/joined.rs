//! Several captures of the same connections, from several places. Refuses to trust a clock: which
//! capture saw a segment decides, and which stands nearer to which end.

use std::path::PathBuf;

use anyhow::{Context, Result};
use whyreset_capture::Reader;
use whyreset_flow::join::{self, Point};
use whyreset_flow::{Table, Told};

use super::input::{self, Seen};
use super::progress::Progress;
use super::single::{self, Account};

/// Reads all files, and gives each reset once with what every place saw of it.
///
/// # Errors
/// A file that cannot be read to its end.
pub fn read(files: &[PathBuf], most: usize, progress: &Progress) -> Result<(Account, Vec<Told>)> {
    let mut points = Vec::new();
    let mut told = Vec::new();
    let mut whole = Account::default();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or(file.as_os_str())
            .to_string_lossy()
            .into_owned();
        let mut reader = Reader::open(file)?;
        progress.begin(reader.progress().bytes_total);
        let mut table = Table::new(most, &name);
        let mut point = Point::new(&name, most);
        let mut account = Account::default();
        let mut resets = Vec::new();
        single::each(&mut reader, progress, &mut |record| {
            let at = account.frame(record);
            point.reach(at);
            match input::decode(record, at) {
                Seen::Segment(segment) => {
                    point.add(&segment);
                    table.add(&segment, &mut |one| resets.push(one));
                }
                Seen::Error(source, destination, seq) => table.icmp(at, source, destination, seq),
                Seen::Unread => account.unread += 1,
                Seen::Other => {}
            }
            true
        })
        .with_context(|| format!("cannot read {} to its end", file.display()))?;
        table.finish(&mut |one| resets.push(one));
        account.counters = table.counters();
        account.close(&reader);
        // What a cut or broken frame held is not known either.
        point.lost(account.lost + account.unread + account.counters.evicted);
        whole.take(&account);
        points.push(point);
        told.push(resets);
    }
    for pair in points.windows(2) {
        if let [one, two] = pair {
            whole.notices.push(clocks(one, two));
        }
    }
    Ok((whole, join::join(&mut points, told)))
}

fn clocks(one: &Point, two: &Point) -> String {
    let names = format!("{} and {}", one.name(), two.name());
    let Some(clocks) = join::clocks(one, two) else {
        return format!("{names} have no handshake in common: how their clocks differ is not known");
    };
    let ms = |ns: i64| std::time::Duration::from_nanos(ns.unsigned_abs()).as_secs_f64() * 1e3;
    let ahead = if clocks.offset_ns < 0 { "behind" } else { "ahead" };
    let drift = clocks.drift_ppm.map_or(String::new(), |ppm| {
        format!(", drifting by {ppm:.1} parts in a million")
    });
    format!(
        "{names}: the second clock is {:.3} ms {ahead} of the first, +- {:.3} ms, from {} handshakes{drift}",
        ms(clocks.offset_ns),
        ms(clocks.within_ns),
        clocks.connections
    )
}

impl Account {
    fn take(&mut self, other: &Self) {
        self.join(other);
        let (one, two) = (&mut self.counters, &other.counters);
        one.segments += two.segments;
        one.connections = one.connections.max(two.connections);
        one.evicted += two.evicted;
        one.resets += two.resets;
        one.echoes += two.echoes;
        one.copies += two.copies;
    }
}
