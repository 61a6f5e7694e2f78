//! The catalogue is whole: ids, files, groups, references and the tone of its sentences.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use whyreset_causes::{CATALOG, Cause, Page, UNKNOWN, find, judge};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog")
}

fn all() -> impl Iterator<Item = &'static Cause> {
    CATALOG.iter().copied().chain([&UNKNOWN])
}

fn is_kebab(id: &str) -> bool {
    id.split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_known(id: &str) -> bool {
    find(id).is_some()
}

/// Words that may open a sentence in capitals: names of options, protocols and signals.
fn opens_in_lower_case_or_with_a_name(text: &str) -> bool {
    let first = text.split([' ', '\'']).next().unwrap_or_default();
    let capitals = first.chars().filter(char::is_ascii_uppercase).count();
    text.starts_with(|c: char| !c.is_uppercase()) || capitals > 1 || text.starts_with("Multipath TCP")
}

fn says_it_well(text: &str) -> Result<(), String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .map(str::to_lowercase)
        .collect();
    for (wrong, what) in [
        (text.is_empty(), "is empty"),
        (text.ends_with('.'), "ends with a full stop"),
        (text.contains("  "), "has two spaces in a row"),
        (!opens_in_lower_case_or_with_a_name(text), "opens with a capital"),
        (words.iter().any(|w| w == "peer"), "says peer, which names nobody"),
    ] {
        if wrong {
            return Err(format!("{text:?} {what}"));
        }
    }
    Ok(())
}

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for cause in all() {
        assert!(is_kebab(cause.id), "{}", cause.id);
        assert!(seen.insert(cause.id), "{} is there twice", cause.id);
    }
    let situations = all().flat_map(|cause| cause.situations);
    for situation in situations {
        assert!(is_kebab(situation.id), "{}", situation.id);
    }
}

#[test]
fn every_cause_has_its_two_files_and_every_file_its_cause() {
    let mut expected = BTreeSet::new();
    for cause in CATALOG {
        let stem = cause.id.replace('-', "_");
        for ending in ["rs", "md"] {
            let path = folder()
                .join(cause.group.as_str())
                .join(format!("{stem}.{ending}"));
            assert!(path.is_file(), "{} is missing", path.display());
            expected.insert(path);
        }
    }
    let groups = folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
    for group in groups.filter(|path| path.is_dir()) {
        for entry in group.read_dir().unwrap() {
            let path = entry.unwrap().path();
            assert!(expected.contains(&path), "{} is in no list", path.display());
        }
    }
}

#[test]
fn the_list_is_ordered_by_group() {
    assert!(CATALOG.is_sorted_by_key(|cause| cause.group));
}

#[test]
fn every_id_that_is_named_exists() {
    for cause in all() {
        let page = Page::of(cause);
        let confused = page.section("Not to be confused with");
        let named: Vec<&str> = confused.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{} is confused with nothing", cause.id);
        for id in named.iter().chain(cause.explains) {
            assert!(is_known(id), "{} names {id}, which is nowhere", cause.id);
            assert_ne!(*id, cause.id);
        }
        for id in cause.explains {
            assert!(
                find(id).is_some(),
                "{} explains {id}, which nothing proves yet",
                cause.id
            );
        }
    }
}

#[test]
fn every_page_has_its_sections_and_a_fix() {
    for cause in all() {
        let page = Page::of(cause);
        for title in ["What it means", "Fix", "Cases", "Not to be confused with"] {
            assert!(!page.section(title).is_empty(), "{}: {title} is empty", cause.id);
        }
        assert!(page.markdown().starts_with("## What it means\n"));
        let fixes: Vec<String> = page.fixes().collect();
        assert!(
            (1..=2).contains(&fixes.len()),
            "{}: {} fixes",
            cause.id,
            fixes.len()
        );
        for fix in fixes {
            says_it_well(&fix).unwrap_or_else(|why| panic!("{}: {why}", cause.id));
        }
        assert!(
            !page.markdown().to_lowercase().contains("peer"),
            "{} says peer",
            cause.id
        );
    }
}

#[test]
fn declarations_speak_in_one_tone() {
    for cause in all() {
        let texts = cause.requires.iter().chain(cause.excludes).map(|need| need.text);
        let fixes = cause.situations.iter().flat_map(|situation| situation.fix);
        for text in texts.chain([cause.summary]).chain(fixes.copied()) {
            says_it_well(text).unwrap_or_else(|why| panic!("{}: {why}", cause.id));
        }
    }
}

#[test]
fn verdicts_speak_in_one_tone() {
    for cause in all() {
        for case in Page::of(cause).cases() {
            let verdict = judge(&case.dossier().unwrap());
            let lines = verdict.evidence.iter().map(|line| line.what.as_str());
            let rivals = verdict.cause.rivals.iter().map(|rival| rival.because.as_str());
            let at = format!("{}.md line {}", cause.id, case.line);
            for text in lines.chain(rivals).chain([verdict.cause.summary.as_str()]) {
                says_it_well(text).unwrap_or_else(|why| panic!("{at}: {why}"));
            }
            assert!(
                verdict.evidence.iter().all(|line| !line.cite.is_empty()),
                "{at}: a line cites nothing"
            );
            assert!(!verdict.fix.is_empty(), "{at}: no fix");
        }
    }
}
