//! Enum values by name, read from the running kernel's BTF, and whether it knows a name at all. The numbers of `sk_rst_reason` and
//! `skb_drop_reason` move with every release, so none is written down here.
//!
//! Reads just enough of the format (Documentation/bpf/btf.rst) to find an enum; anything that does
//! not fit is skipped, and a table that cannot be read is an empty one.

use std::collections::BTreeMap;

const MAGIC: u16 = 0xeb9f;
const KIND_ENUM: u32 = 6;

/// The values of one enum.
#[derive(Clone, Debug, Default)]
pub struct EnumNames(BTreeMap<u32, String>);

impl EnumNames {
    /// The name of a value without `prefix`; the bare number where the kernel has no name for it.
    pub fn name(&self, value: u32, prefix: &str) -> String {
        self.0.get(&value).map_or_else(
            || value.to_string(),
            |name| name.strip_prefix(prefix).unwrap_or(name).to_owned(),
        )
    }

    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(_, n)| *n == name).map(|(value, _)| *value)
    }

    /// Whether the kernel has this enum at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A view of BTF bytes.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Btf<'a> {
    /// Checks the header; `None` where these are not BTF bytes of this machine's byte order.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let magic = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
        if magic != MAGIC {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let section = |at: usize| {
            let start = header.checked_add(word(bytes, at)? as usize)?;
            bytes.get(start..start.checked_add(word(bytes, at + 4)? as usize)?)
        };
        Some(Self {
            types: section(8)?,
            strings: section(16)?,
        })
    }

    /// The values of the enum with this name; empty where there is none.
    pub fn enumeration(&self, name: &str) -> EnumNames {
        self.find(name).unwrap_or_default()
    }

    /// Whether any type, member or value has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.strings
            .split(|&byte| byte == 0)
            .any(|known| known == name.as_bytes())
    }

    fn find(&self, name: &str) -> Option<EnumNames> {
        let mut at = 0;
        while let Some(info) = word(self.types, at + 4) {
            let (kind, count) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
            let body = at + 12;
            if kind == KIND_ENUM && count > 0 && self.string(word(self.types, at)?)? == name.as_bytes() {
                let mut values = BTreeMap::new();
                for index in 0..count {
                    let entry = body + index * 8;
                    let name = self.string(word(self.types, entry)?)?;
                    values.insert(
                        word(self.types, entry + 4)?,
                        String::from_utf8_lossy(name).into_owned(),
                    );
                }
                return Some(EnumNames(values));
            }
            at = body + trailing(kind, count)?;
        }
        None
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(offset as usize..)?;
        rest.split(|&byte| byte == 0).next()
    }
}

/// Bytes after the common header of a type of this kind.
fn trailing(kind: u32, count: usize) -> Option<usize> {
    Some(match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // ARRAY
        3 => 12,
        // STRUCT, UNION, DATASEC, ENUM64
        4 | 5 | 15 | 19 => count * 12,
        // ENUM, FUNC_PROTO
        6 | 13 => count * 8,
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A BTF image with an int and one enum.
    fn image() -> Vec<u8> {
        let strings = b"\0int\0colour\0RED\0BLUE\0";
        let mut types: Vec<u32> = vec![1, 1 << 24, 4, 0];
        types.extend([5, (6 << 24) | 2, 4, 12, 0, 16, 7]);
        let types: Vec<u8> = types.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let mut out = MAGIC.to_ne_bytes().to_vec();
        out.extend([1, 0]);
        let sizes = [
            24,
            0,
            u32::try_from(types.len()).unwrap(),
            u32::try_from(types.len()).unwrap(),
            21,
        ];
        out.extend(sizes.iter().flat_map(|w| w.to_ne_bytes()));
        out.extend(types);
        out.extend(strings);
        out
    }

    #[test]
    fn an_enum_is_found_behind_other_types() {
        let image = image();
        let colours = Btf::new(&image).unwrap().enumeration("colour");
        assert_eq!(
            (colours.value("BLUE"), colours.name(0, "")),
            (Some(7), "RED".to_owned())
        );
        assert_eq!(colours.name(9, ""), "9");
        assert!(Btf::new(&image).unwrap().enumeration("shape").is_empty());
        assert!(Btf::new(&image).unwrap().has_name("BLUE"));
        assert!(!Btf::new(&image).unwrap().has_name("BLU"));
    }

    #[test]
    fn no_cut_of_the_image_panics() {
        let image = image();
        for end in 0..image.len() {
            if let Some(btf) = Btf::new(&image[..end]) {
                btf.enumeration("colour");
            }
        }
    }

    #[test]
    fn the_running_kernel_names_its_states() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            println!("skipped: this kernel has no BTF");
            return;
        };
        let reasons = Btf::new(&bytes).unwrap().enumeration("skb_drop_reason");
        if reasons.is_empty() {
            println!("skipped: this kernel has no drop reasons");
            return;
        }
        assert!(reasons.value("SKB_DROP_REASON_NO_SOCKET").is_some());
    }
}
