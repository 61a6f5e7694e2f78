//! A line made fit to be quoted: no escape sequence, no character that steers a terminal, a bounded
//! length. Refuses to hide that something was cut.

/// Characters that a quoted line has at most.
const LONGEST: usize = 400;

/// `line` as text.
pub fn quote(line: &[u8]) -> String {
    let line = line.trim_ascii_end();
    // More bytes than any text of that many characters has.
    let text = String::from_utf8_lossy(&line[..line.len().min(LONGEST * 8)]);
    let mut out = String::with_capacity(text.len().min(LONGEST + 16));
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = chars.next() {
        if count == LONGEST {
            out.push_str("...");
            break;
        }
        match c {
            // Colours of loggers: a control sequence up to its final byte.
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                chars.next();
                continue;
            }
            '\t' => out.push(' '),
            c if is_harmful(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        count += 1;
    }
    out
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        for hostile in [
            &b"\x1b]0;title\x07\x1b[2Jx"[..],
            b"a\xc2\x9b31m",
            b"\xff\xfe\x00\x01",
            "a\u{202e}b".as_bytes(),
            b"x\ny",
            b"\x1b[",
        ] {
            let safe = quote(hostile);
            assert!(!safe.chars().any(is_harmful), "{safe:?}");
        }
        assert_eq!(quote(b"\x1b[31mERROR\x1b[0m\treset\r\n"), "ERROR reset");
        assert!(quote(&vec![b'a'; 1 << 20]).ends_with("a..."));
        assert_eq!(quote(&vec![b'a'; 1 << 20]).len(), LONGEST + 3);
    }
}
