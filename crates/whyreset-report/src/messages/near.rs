//! Messages that share most of their letters in order with a text that none of them is. Refuses to
//! call a text near that shares only a word.

use std::collections::HashSet;

use whyreset_causes::messages::{Message, all};

/// Letters that are compared at once.
const GRAM: usize = 4;
/// Of the smaller side's pieces, how many must be shared.
const SHARED: f64 = 0.3;
/// How many are offered.
const MOST: usize = 3;

/// What is near to `text`, the nearest first; by pieces of four letters of examples and patterns.
pub fn nearest(text: &str) -> Vec<&'static Message> {
    let asked = grams(text);
    if asked.len() < GRAM {
        return Vec::new();
    }
    let mut near: Vec<(f64, &Message)> = all()
        .filter_map(|(_, message)| {
            let best = [message.example]
                .iter()
                .chain(message.says)
                .map(|said| shared(&asked, &grams(said)))
                .fold(0.0, f64::max);
            (best >= SHARED).then_some((best, message))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(MOST);
    near.into_iter().map(|(_, message)| message).collect()
}

fn grams(text: &str) -> HashSet<Vec<char>> {
    let letters: Vec<char> = text
        .to_lowercase()
        .chars()
        .take(512)
        .filter(|c| c.is_alphabetic() || *c == ' ')
        .collect();
    letters.windows(GRAM).map(<[char]>::to_vec).collect()
}

/// Dice's coefficient.
fn shared(a: &HashSet<Vec<char>>, b: &HashSet<Vec<char>>) -> f64 {
    let both = u32::try_from(a.intersection(b).count()).unwrap_or(u32::MAX);
    let sum = u32::try_from(a.len() + b.len()).unwrap_or(u32::MAX).max(1);
    2.0 * f64::from(both) / f64::from(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wording_that_is_almost_known_is_offered() {
        let near = nearest("upstream prematuraly closed conection reading header");
        assert_eq!(near.first().map(|one| one.id), Some("nginx-upstream-closed"));
        assert!(nearest("banana split with cream").is_empty());
        assert!(nearest("").is_empty());
        assert!(nearest(&"x".repeat(1 << 20)).is_empty());
    }
}
