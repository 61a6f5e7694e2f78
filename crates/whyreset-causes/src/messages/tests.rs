//! The declarations hold together.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::collections::HashSet;

use super::*;
use crate::{CATALOG, find};

#[test]
fn ids_are_unique_and_collide_with_no_cause() {
    let mut seen: HashSet<&str> = CATALOG.iter().map(|cause| cause.id).collect();
    seen.extend(
        CATALOG
            .iter()
            .flat_map(|cause| cause.situations.iter().map(|one| one.id)),
    );
    for (_, message) in all() {
        assert!(seen.insert(message.id), "{}", message.id);
        let spelt = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(message.id.chars().all(spelt), "{}", message.id);
    }
    let runtimes: HashSet<&str> = RUNTIMES.iter().map(|runtime| runtime.id).collect();
    assert_eq!(runtimes.len(), RUNTIMES.len());
}

#[test]
fn every_cause_and_situation_named_is_in_the_catalogue() {
    let everyday = |id| {
        CATALOG.iter().any(|cause| {
            let wire = cause.wire.map_or(&[][..], |rules| rules.situations);
            cause.situations.iter().chain(wire).any(|one| one.id == id)
        })
    };
    for (_, message) in all() {
        for likely in message.likely {
            assert!(find(likely.cause).is_some(), "{}: {}", message.id, likely.cause);
            assert!(likely.situation.is_none_or(everyday), "{:?}", likely.situation);
            assert!(!likely.when.is_empty() && !likely.confirm.is_empty());
        }
        let mut ranked: Vec<_> = message
            .likely
            .iter()
            .map(|one| (one.cause, one.situation))
            .collect();
        ranked.sort_unstable();
        ranked.dedup();
        assert_eq!(
            ranked.len(),
            message.likely.len(),
            "{}: a cause twice",
            message.id
        );
    }
}

#[test]
fn every_pattern_and_example_reaches_its_message() {
    let mut hidden: Vec<String> = Vec::new();
    for (_, message) in all() {
        let mut hold = |text: &str| {
            let found = recognise(&text.to_lowercase()).map(|(_, found)| found.id);
            if found != Some(message.id) {
                hidden.push(format!("{}: {text:?} is {found:?}", message.id));
            }
        };
        for pattern in message.says {
            assert_eq!(*pattern, pattern.to_lowercase(), "{}", message.id);
            hold(&pattern.replace('*', " 1 "));
        }
        hold(message.example);
    }
    assert!(hidden.is_empty(), "{hidden:#?}");
}

#[test]
fn what_a_message_can_be_is_said_once_and_in_order() {
    for (_, message) in all() {
        assert!(!message.can.is_empty(), "{}", message.id);
        let mut ends: Vec<&str> = message.can.iter().map(|(end, _)| end.as_str()).collect();
        ends.sort_unstable();
        ends.dedup();
        assert_eq!(ends.len(), message.can.len(), "{}", message.id);
    }
}
