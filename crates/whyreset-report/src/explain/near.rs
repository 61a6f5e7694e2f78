//! Ids and misspelt ids. Refuses to take a long text for a slip of the finger.

use whyreset_causes::CATALOG;

/// As ids are spelt: lower case, with hyphens.
pub fn as_id(word: &str) -> String {
    word.trim().to_lowercase().replace([' ', '_'], "-")
}

/// The cause whose id is nearest to `word`, where one is near at all.
pub fn nearest(word: &str) -> Option<&'static str> {
    // A hostile or pasted text is no misspelt id.
    let word = (word.len() <= 64).then(|| as_id(word))?;
    CATALOG
        .iter()
        .map(|cause| (distance(&word, cause.id), cause.id))
        .min()
        .filter(|(distance, id)| *distance <= id.len() / 3)
        .map(|(_, id)| id)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_cause() {
        assert_eq!(nearest("no-listner"), Some("no-listener"));
        assert_eq!(nearest("Unread Data"), Some("unread-data"));
        assert_eq!(nearest("banana"), None);
        assert_eq!(nearest(&"x".repeat(1 << 20)), None);
    }
}
