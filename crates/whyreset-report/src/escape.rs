//! Text from outside made harmless for a terminal: names of processes, files and units are chosen
//! by whoever runs them.

/// The text with every character that could move the cursor, change colours, reorder or hide
/// other text written as `\u{...}`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
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
            "\u{1b}[2J",
            "a\u{9b}31m",
            "a\u{202e}b",
            "x\ny",
            "\u{200b}",
            "\u{7f}",
        ] {
            let safe = escape(hostile);
            assert!(!safe.chars().any(is_harmful), "{safe:?}");
        }
        assert_eq!(escape("nginx: worker – ü"), "nginx: worker – ü");
    }
}
