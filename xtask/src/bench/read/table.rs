//! Rounds to medians, ratios and bounds, and these to lines. Measures nothing itself.

use super::entrants::Role;
use super::make::Made;
use crate::bench::median;

/// What an entrant took for one capture, a value for each round.
pub struct Row {
    pub role: Role,
    pub label: String,
    /// What it read.
    pub made: Made,
    /// Seconds.
    pub wall: Vec<f64>,
    /// Seconds of processor time.
    pub cpu: Vec<f64>,
    /// KiB, the most of all rounds.
    pub resident_kib: u64,
}

/// How many times as fast as another, by the clock on the wall and by processor time.
#[derive(Clone, Copy)]
pub struct Ratio {
    pub wall: f64,
    pub cpu: f64,
}

impl Row {
    /// The median over the rounds of how many times as many packets a second we do as `other`.
    /// Runs of one round are neighbours, so that a drift of the machine is in both.
    pub fn over(&self, other: &Self) -> Ratio {
        let packets = self.made.packets as f64 / other.made.packets as f64;
        let of = |ours: &[f64], theirs: &[f64]| {
            let pairs = ours.iter().zip(theirs);
            median(
                &mut pairs
                    .map(|(ours, theirs)| packets * theirs / ours)
                    .collect::<Vec<_>>(),
            )
        };
        Ratio {
            wall: of(&self.wall, &other.wall),
            cpu: of(&self.cpu, &other.cpu),
        }
    }

    fn line(&self, ours: &Self) -> String {
        let wall = median(&mut self.wall.clone());
        let cpu = median(&mut self.cpu.clone());
        let ratio = ours.over(self);
        format!(
            "{:<28} {:>11} {:>8.3} {:>8.1} {:>8.2} {:>8.2} {:>9.1} {:>9.2} {:>9.2}",
            self.label,
            self.made.packets,
            self.made.packets as f64 / wall / 1e6,
            self.made.bytes as f64 / wall / 1e6,
            wall,
            cpu,
            self.resident_kib as f64 / 1024.0,
            ratio.wall,
            ratio.cpu,
        )
    }
}

/// The head of a table.
pub fn head() -> String {
    format!(
        "{:<28} {:>11} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "", "packets", "Mpps", "MB/s", "wall s", "cpu s", "RSS MiB", "x wall", "x cpu"
    )
}

/// The rows, and how many times as fast the first of them is as each.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let Some(ours) = rows.first() else {
        return Vec::new();
    };
    rows.iter().map(|row| row.line(ours)).collect()
}

/// What the product is held to, and against whom: `faster` over `slower`, by at least this.
struct Bound {
    text: &'static str,
    faster: Role,
    slower: Role,
    least: f64,
}

const BOUNDS: [Bound; 5] = [
    Bound {
        text: "200 x tshark, one core",
        faster: Role::OneCore,
        slower: Role::Tshark,
        least: 200.0,
    },
    Bound {
        text: "25 x tcptrace, one core",
        faster: Role::OneCore,
        slower: Role::Tcptrace,
        least: 25.0,
    },
    Bound {
        text: "1.0 x tcpdump, one core",
        faster: Role::OneCore,
        slower: Role::Tcpdump,
        least: 1.0,
    },
    Bound {
        text: "0.6 x minimal scan, one core",
        faster: Role::OneCore,
        slower: Role::Minimal,
        least: 0.6,
    },
    Bound {
        text: "two cores 1.5 x one",
        faster: Role::TwoCores,
        slower: Role::OneCore,
        least: 1.5,
    },
];

/// A line for each bound: met or not for this capture, and by how much.
pub fn bounds(capture: &str, rows: &[Row]) -> Vec<String> {
    let of = |role| rows.iter().find(|row| row.role == role);
    let line = |bound: &Bound| {
        let told = match (of(bound.faster), of(bound.slower)) {
            (Some(faster), Some(slower)) => bound.verdict(faster.over(slower)),
            _ => "not measured".to_owned(),
        };
        format!("{capture:<6} >= {:<30} {told}", bound.text)
    };
    BOUNDS.iter().map(line).collect()
}

impl Bound {
    /// Two processors take no less processor time than one: there, only the wall's clock counts.
    fn verdict(&self, ratio: Ratio) -> String {
        let by_wall = ratio.wall >= self.least;
        if self.faster == Role::TwoCores {
            let word = if by_wall { "met" } else { "NOT met" };
            return format!("{word:<18} {:.2} wall", ratio.wall);
        }
        let word = match (by_wall, ratio.cpu >= self.least) {
            (true, true) => "met",
            (true, false) => "NOT met (wall only)",
            (false, true) => "NOT met (cpu only)",
            (false, false) => "NOT met",
        };
        format!("{word:<18} {:.2} wall, {:.2} cpu", ratio.wall, ratio.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: Role, packets: u64, seconds: &[f64]) -> Row {
        let made = Made {
            packets,
            ..Made::default()
        };
        Row {
            role,
            label: format!("{role:?}"),
            made,
            wall: seconds.to_vec(),
            cpu: seconds.to_vec(),
            resident_kib: 0,
        }
    }

    #[test]
    fn ratios_are_of_rates_within_a_round() {
        let ours = row(Role::OneCore, 1000, &[1.0, 2.0, 4.0]);
        let theirs = row(Role::Tshark, 10, &[3.0, 6.0, 12.0]);
        let ratio = ours.over(&theirs);
        assert!((ratio.wall - 300.0).abs() < 1e-9, "{}", ratio.wall);
    }

    #[test]
    fn a_bound_is_met_or_not_or_not_measured() {
        let rows = [
            row(Role::OneCore, 1000, &[1.0]),
            row(Role::TwoCores, 1000, &[0.7]),
            row(Role::Minimal, 1000, &[0.5]),
            row(Role::Tshark, 1000, &[201.0]),
        ];
        let lines = bounds("small", &rows);
        let of = |words: &str| lines.iter().find(|line| line.contains(words)).unwrap();
        assert!(of("200 x tshark").contains(" met "));
        assert!(!of("200 x tshark").contains("NOT met"));
        assert!(of("0.6 x minimal").contains("NOT met"));
        assert!(of("25 x tcptrace").contains("not measured"));
        assert!(of("two cores").contains(" met "));
    }
}
