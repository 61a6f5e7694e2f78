//! Text made harmless for Markdown, as GitHub and GitLab read it.

use crate::escape::escape;

/// Nothing that is seen, and the end of every mention, reference and link that is made of plain text.
const JOINER: &str = "&#8288;";

/// The text as it is, on one line, whatever it holds; not to stand at the beginning of a line.
pub fn plain(text: &str) -> String {
    let text = escape(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut chars = text.chars().peekable();
    let mut www = 0;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '|' | '~' | '#' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            _ => out.push(c),
        }
        // `@somebody`, `#12`, `!12`, `~label`, `%milestone`, `&epic`, `$snippet` and `scheme://host`.
        let mentions = matches!(c, '@' | '#' | '!' | '~' | '%' | '&' | '$')
            && next.is_some_and(|next| next.is_alphanumeric() || next == '"' || next == '_');
        let links = c == ':' && next == Some('/');
        www = if c.eq_ignore_ascii_case(&'w') { www + 1 } else { 0 };
        let hosts = www >= 3 && next == Some('.');
        if mentions || links || hosts {
            out.push_str(JOINER);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (text, expected) in [
            ("a*b*_c_`d`", "a\\*b\\*\\_c\\_\\`d\\`"),
            ("[x](javascript:1)", "\\[x\\](javascript:1)"),
            ("</details><img src=x>", "&lt;/details&gt;&lt;img src=x&gt;"),
            ("a|b\nc", "a\\|b\\\\u\\{a\\}c"),
            ("50 % of 3", "50 % of 3"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn no_text_mentions_anybody_or_leads_anywhere() {
        assert_eq!(plain("@all"), "@&#8288;all");
        assert_eq!(plain("see #12"), "see \\#&#8288;12");
        assert_eq!(plain("http://x"), "http:&#8288;//x");
        assert_eq!(plain("www.x"), "www&#8288;.x");
    }
}
