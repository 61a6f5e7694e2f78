//! As much of a 64-bit little-endian ELF file as tells a static program from a dynamic one.

use anyhow::{Context, Result, ensure};

const PT_INTERP: u32 = 3;

/// Whether the program asks for a dynamic loader.
pub fn interpreter(file: &[u8]) -> Result<bool> {
    ensure!(
        file.starts_with(b"\x7fELF\x02\x01"),
        "not a 64-bit little-endian ELF file"
    );
    let offset = usize::try_from(number::<8>(file, 0x20)?)?;
    let size = usize::try_from(number::<2>(file, 0x36)?)?;
    let count = usize::try_from(number::<2>(file, 0x38)?)?;
    for index in 0..count {
        let at = offset
            .checked_add(index * size)
            .context("program header out of range")?;
        if number::<4>(file, at)? == u64::from(PT_INTERP) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `N` little-endian bytes at an offset.
fn number<const N: usize>(file: &[u8], at: usize) -> Result<u64> {
    let bytes = file
        .get(at..)
        .and_then(|rest| rest.get(..N))
        .context("the ELF file is cut short")?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 0x40];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 0x40;
        file[0x36] = 56;
        file[0x38] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            file.extend(kind.to_le_bytes());
            file.extend([0; 52]);
        }
        file
    }

    #[test]
    fn a_dynamic_program_has_an_interpreter() {
        assert!(!interpreter(&program(&[1, 2, 6])).unwrap());
        assert!(interpreter(&program(&[1, 3])).unwrap());
    }

    #[test]
    fn own_test_binary_is_dynamic() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(interpreter(&own).unwrap());
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let mut file = program(&[1]);
        file.truncate(0x42);
        assert!(interpreter(&file).is_err());
        assert!(interpreter(b"#!/bin/sh").is_err());
    }
}
