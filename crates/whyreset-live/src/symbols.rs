//! Addresses of kernel variables from /proc/kallsyms. The file is opened while privileges are
//! there and read later: it is large, and nobody should wait for it before the watch begins.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// Variables that say where memory and its page array are mapped (x86-64, moved at boot).
pub const WANTED: [&str; 2] = ["page_offset_base", "vmemmap_base"];

/// An opened symbol table.
pub struct Symbols(File);

impl Symbols {
    /// Opens it with today's privileges; `None` where that is not allowed.
    pub fn open() -> Option<Self> {
        File::open("/proc/kallsyms").ok().map(Self)
    }

    /// The addresses of [`WANTED`], 0 where a kernel does not list one.
    pub fn addresses(self) -> [u64; WANTED.len()] {
        search(BufReader::with_capacity(1 << 16, self.0))
    }
}

fn search(mut table: impl BufRead) -> [u64; WANTED.len()] {
    let mut found = [0; WANTED.len()];
    let mut line = String::new();
    while matches!(table.read_line(&mut line), Ok(1..)) {
        let mut words = line.split_ascii_whitespace();
        if let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next())
            && let Some(index) = WANTED.iter().position(|wanted| *wanted == name)
        {
            found[index] = u64::from_str_radix(address, 16).unwrap_or(0);
            if !found.contains(&0) {
                break;
            }
        }
        line.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_by_whole_name() {
        let table = "ffffffff81000000 T _text\nffffffff82000010 D vmemmap_base\nffffffff82000018 D vmemmap_base_x\n\
                     ffffffff82000020 D page_offset_base\n";
        assert_eq!(
            search(table.as_bytes()),
            [0xffff_ffff_8200_0020, 0xffff_ffff_8200_0010]
        );
        assert_eq!(search(&b"garbage\n\xff\xfe\n"[..]), [0, 0]);
    }
}
