//! Holds a page against the rules of HTML that a browser would forgive, and of XML that it would not.

use std::collections::HashSet;

/// Every tag closes where it should, every attribute is quoted, every `&` begins an entity, every
/// id is there once and every reference leads to one. Gives the names of all elements.
pub fn well_formed(page: &str) -> Vec<String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    let (mut open, mut seen, mut ids) = (Vec::<String>::new(), Vec::new(), HashSet::new());
    while let Some((text, after)) = rest.split_once('<') {
        assert!(
            open.last().is_some_and(|name| name == "style") || !text.contains('>'),
            "a bare > in {text:?}"
        );
        for entity in text.split('&').skip(1) {
            let name = entity.split_once(';').map_or("", |(name, _)| name);
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{entity}");
        }
        let mut quoted = false;
        let end = after
            .find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .expect("a tag ends");
        let (tag, left) = (&after[..end], &after[end + 1..]);
        rest = left;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(name),
                "before {:?}",
                &left[..left.len().min(80)]
            );
            continue;
        }
        let empty = tag.ends_with('/');
        let (name, attributes) = tag.trim_end_matches('/').split_once(' ').unwrap_or((tag, ""));
        let name = name.trim_end_matches('/').to_owned();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        let mut left = attributes.trim();
        while !left.is_empty() {
            let (key, value) = left.split_once("=\"").expect("a quoted attribute");
            let (value, more) = value.split_once('"').expect("a quote that ends");
            assert!(
                key.chars()
                    .all(|c| c.is_ascii_alphabetic() || c == '-' || c.is_ascii_digit()),
                "{key}"
            );
            assert!(!value.contains('<') && !key.starts_with("on"), "{key}={value}");
            if key == "id" {
                assert!(ids.insert(value.to_owned()), "id {value} twice");
            }
            left = more.trim_start();
        }
        if !empty {
            open.push(name.clone());
        }
        seen.push(name);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for part in page.split("aria-labelledby=\"").skip(1) {
        for id in part.split('"').next().unwrap().split(' ') {
            assert!(ids.contains(id), "nothing is called {id}");
        }
    }
    for part in page.split("url(").skip(1) {
        let id = part.strip_prefix('#').expect("nothing from elsewhere");
        assert!(ids.contains(id.split(')').next().unwrap()), "no filling {id:.5}");
    }
    seen
}
