//! An expression to words with their places.

/// One word: its byte offset and itself.
pub type Word<'a> = (usize, &'a str);

/// Splits at blanks; parentheses and `!` stand alone, `&&` and `||` are words.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let length = match first {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '(' | ')' | '!' => 1,
            '&' | '|' if rest[1..].starts_with(first) => 2,
            _ => rest
                .char_indices()
                .find(|(index, c)| *index > 0 && (c.is_whitespace() || "()!&|".contains(*c)))
                .map_or(rest.len(), |(index, _)| index),
        };
        words.push((at, &rest[..length]));
        rest = &rest[length..];
    }
    words
}
