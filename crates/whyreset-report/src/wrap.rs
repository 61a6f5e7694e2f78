//! Lines no wider than a terminal.

/// `text` broken at blanks so that, after `indent` columns, no line passes `width`. The first line
/// carries no indent of its own: something stands before it.
pub fn wrap(text: &str, indent: usize, width: Option<usize>) -> String {
    /// Narrower columns than this help nobody.
    const NARROWEST: usize = 24;
    let Some(width) = width else {
        return text.to_owned();
    };
    let room = width.saturating_sub(indent).max(NARROWEST);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_passes_the_width() {
        let text = "the quick brown fox jumps over the lazy dog and runs away from it as fast as it can";
        let wrapped = wrap(text, 10, Some(40));
        assert!(wrapped.lines().count() > 2);
        assert!(
            wrapped
                .lines()
                .skip(1)
                .all(|line| line.starts_with("          ") && line.chars().count() <= 40)
        );
        assert_eq!(
            wrapped.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
        assert_eq!(wrap(text, 10, None), text);
    }
}
