//! Pages about a whole capture: whole, harmless, complete and sensible where there is nothing.

mod markup;

use std::time::Duration;

use whyreset_causes::judge;
use whyreset_evidence::{Certainty, Side, Timestamp, Verdict, parse_dossier};
use whyreset_report::html::html;
use whyreset_report::ladder::Rung;
use whyreset_report::markdown::markdown;
use whyreset_report::page::{Account, Point, Told};

use self::markup::well_formed;

const HOSTILE: &str =
    "</script><img src=x onerror=alert(1)>\"'&;#%%{init}%%\n```\n# x | @all [a](b) \u{202e}\u{1b}[2J";
const START: u64 = 1_795_348_800_000_000_000;

fn unread(name: &str) -> Verdict {
    // As the record form spells any character.
    let name = name
        .bytes()
        .fold(String::new(), |name, byte| format!("{name}%{byte:02x}"));
    let facts = format!(
        "flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by={name}[812] unit={name}"
    );
    judge(&parse_dossier(&facts).unwrap())
}

fn afar() -> Verdict {
    judge(
        &parse_dossier(
            "flow [fd00::2]:53211 > [fd00::1]:443 watch=client\n+0 client received state=ESTABLISHED unacked=120",
        )
        .unwrap(),
    )
}

fn rungs(text: &str) -> Vec<Rung> {
    let rung = |ms, from, label: &str, frame| Rung {
        at: Duration::from_millis(ms),
        from,
        label: label.to_owned(),
        note: Some(format!("frame {frame}")),
        reset: label.starts_with('R'),
    };
    vec![
        rung(0, Side::Client, "S", 1_101),
        rung(1, Side::Server, "S.", 1_102),
        rung(2, Side::Client, &format!("P. 100 bytes {text}"), 1_103),
        rung(75_040, Side::Server, "R.", 1_104),
        rung(75_041, Side::Client, "R", 1_105),
    ]
}

fn point(second: u64, cause: &'static str, certainty: Certainty) -> Point {
    Point {
        time: Timestamp(START + second * 1_000_000_000),
        cause,
        certainty,
        benign: false,
    }
}

fn account<'a>(points: &'a [Point], texts: &'a [String]) -> Account<'a> {
    Account {
        title: texts.first().map_or("Resets", String::as_str),
        files: texts,
        notices: texts,
        segments: 12_345,
        connections: 12,
        resets: points.len() as u64,
        echoes: 0,
        first: points.first().map(|point| point.time),
        last: points.last().map(|point| point.time),
        points,
    }
}

type Face = fn(&Account, &[Told], &mut dyn std::io::Write) -> std::io::Result<()>;

fn page(face: Face, account: &Account, told: &[Told]) -> String {
    let mut out = Vec::new();
    face(account, told, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn told<'a>(verdict: &'a Verdict, rungs: &'a [Rung]) -> Told<'a> {
    Told {
        verdict,
        frame: Some(1_104),
        rungs,
        alike: 0,
    }
}

#[test]
fn a_page_without_resets_says_so() {
    let nothing = account(&[], &[]);
    let text = page(html, &nothing, &[]);
    let names = well_formed(&text);
    assert!(text.contains("<h1>No resets</h1>"), "{text}");
    assert!(
        !names
            .iter()
            .any(|name| name == "svg" || name == "table" || name == "details")
    );
    let text = page(markdown, &nothing, &[]);
    assert!(text.contains("**No resets**"), "{text}");
    assert!(!text.contains("```") && !text.contains('|'), "{text}");
    let unjudged = Account { resets: 3, ..nothing };
    for face in [html as Face, markdown] {
        let text = page(face, &unjudged, &[]);
        assert!(text.contains("3 resets, none of them told here"), "{text}");
    }
}

#[test]
fn the_head_line_says_it_all() {
    let (verdict, other) = (unread("nginx"), afar());
    let mut points = vec![point(0, "unread-data", Certainty::Certain); 9];
    points.push(point(60, "unknown", Certainty::Unknown));
    let account = Account {
        resets: 15,
        echoes: 5,
        ..account(&points, &[])
    };
    let all = [
        Told {
            alike: 8,
            ..told(&verdict, &[])
        },
        told(&other, &[]),
    ];
    let expected =
        "10 resets in 12 connections: 9 unread-data by nginx at 10.0.0.1:8080, 1 unknown by nobody known";
    for face in [html as Face, markdown] {
        let text = page(face, &account, &all);
        assert!(text.contains(expected), "{text}");
        assert!(
            text.contains("90.0 %") && text.contains("nginx at 10.0.0.1:8080 (9)"),
            "{text}"
        );
        assert!(
            text.contains("15 resets: 5 only repeat or answer another one."),
            "{text}"
        );
        assert!(text.contains("and 8 alike"), "{text}");
    }
}

#[test]
fn the_page_is_whole_and_shows_each_segment() {
    let (verdict, rungs) = (unread("nginx"), rungs(""));
    let points = [point(0, "unread-data", Certainty::Certain)];
    let text = page(
        html,
        &account(&points, &["a.pcap".to_owned()]),
        &[told(&verdict, &rungs)],
    );
    let names = well_formed(&text);
    for name in ["svg", "table", "details", "title", "desc", "pattern"] {
        assert!(names.iter().any(|known| known == name), "no {name}");
    }
    for frame in 1_101..=1_105 {
        assert!(text.contains(&format!(">frame {frame}</text>")), "{frame}");
    }
    // Never by colour alone: a reset is a cross and a word.
    assert_eq!(text.matches("class=\"cross\"").count(), 2);
    assert_eq!(text.matches(">RST R").count(), 2);
    assert!(text.contains("75.0 s of silence"));
    for part in [
        verdict.cause.summary.as_str(),
        &verdict.evidence[1].what,
        &verdict.fix[0],
        verdict.cause.rivals[0].id,
        "a.pcap",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let (verdict, rungs) = (unread(HOSTILE), rungs(HOSTILE));
    let points = [point(0, "unread-data", Certainty::Certain)];
    let texts = [HOSTILE.to_owned()];
    let text = page(html, &account(&points, &texts), &[told(&verdict, &rungs)]);
    let names = well_formed(&text);
    for name in [
        "script", "img", "link", "iframe", "a", "image", "use", "object", "base",
    ] {
        assert!(!names.iter().any(|known| known == name), "<{name}>");
    }
    let elsewhere = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for word in ["://", "@import", " src=\"", "href"] {
        assert!(!elsewhere.contains(word), "{word}");
    }
    assert!(!text.contains(['\u{202e}', '\u{1b}']));
    assert!(
        text.matches("&lt;/script&gt;&lt;img").count() >= 5,
        "the text itself is kept"
    );
}

#[test]
fn the_chart_counts_every_point() {
    let causes = [
        "unread-data",
        "no-listener",
        "linger-abort",
        "idle-timeout",
        "process-killed",
        "injected-reset",
        "stray-syn",
        "unknown",
    ];
    let points: Vec<Point> = (0..997)
        .map(|n| {
            point(
                n * n % 3_600,
                causes[usize::try_from(n * 7 % 8).unwrap()],
                Certainty::Likely,
            )
        })
        .collect();
    let mut sorted = points.clone();
    sorted.sort_by_key(|point| point.time);
    let text = page(html, &account(&sorted, &[]), &[]);
    well_formed(&text);
    let drawn: u64 = text
        .split("</title></rect>")
        .filter_map(|before| before.rsplit_once("<title>"))
        .filter(|(before, _)| before.ends_with(")\">"))
        .map(|(_, words)| {
            let (_, number) = words.rsplit_once(": ").unwrap();
            number
                .split(' ')
                .next()
                .unwrap()
                .replace(',', "")
                .parse::<u64>()
                .unwrap()
        })
        .sum();
    assert_eq!(drawn, 997);
    for cause in causes {
        assert!(text.contains(&format!("<code>{cause}</code>")), "{cause}");
    }
    assert!(
        text.contains("other causes") && text.contains("Each bar is 1 min"),
        "{text:.4000}"
    );
}

#[test]
fn many_are_counted_and_not_drawn() {
    let (verdict, other, rungs) = (unread("nginx"), afar(), rungs(""));
    let points = vec![point(0, "unread-data", Certainty::Certain); 1_003];
    let mut all = vec![told(&verdict, &rungs); 1_002];
    all.insert(500, told(&other, &rungs));
    let account = account(&points, &[]);
    let text = page(html, &account, &all);
    well_formed(&text);
    assert_eq!(text.matches("<details id=\"r").count(), 1_000);
    assert!(text.contains("3 verdicts more are counted above and not drawn."));
    // The first few, and the one of another kind.
    assert_eq!(text.matches(" open=\"open\"").count(), 4);
    assert!(text.contains("<details id=\"r501\" open=\"open\">"));

    let text = page(markdown, &account, &all);
    let told = text.matches("\n### ").count();
    assert!((10..=50).contains(&told), "{told}");
    assert!(text.len() <= 65_536, "{}", text.len());
    assert!(
        text.contains(&format!("{} verdicts more", 1_003 - told)),
        "{told}"
    );
    assert_eq!(text.matches("```mermaid\n").count(), told);
}

#[test]
fn a_ticket_draws_the_ladder_as_mermaid_reads_it() {
    let (verdict, rungs) = (unread(HOSTILE), rungs(HOSTILE));
    let points = [point(0, "unread-data", Certainty::Certain)];
    let texts = [HOSTILE.to_owned()];
    let text = page(markdown, &account(&points, &texts), &[told(&verdict, &rungs)]);
    let (before, after) = text.split_once("\n```mermaid\n").expect("a diagram");
    let (diagram, after) = after.split_once("\n```\n").expect("its end");
    assert!(!before.contains("```") && !after.contains("```"), "{text}");
    let mut lines = diagram.lines();
    assert_eq!(lines.next(), Some("sequenceDiagram"));
    assert_eq!(
        lines.next(),
        Some("    participant C as client 10.0.0.2#58;53211")
    );
    assert_eq!(lines.next(), Some("    participant S as server 10.0.0.1#58;8080"));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    assert_eq!(lines.len(), 6, "{diagram}");
    for (line, begin, frame) in [
        (lines[0], "C->>S: S (0.0 ms", "frame 1101)"),
        (lines[1], "S->>C: S. (1.0 ms", "frame 1102)"),
        (lines[2], "C->>S: P. 100 bytes ", "frame 1103)"),
        (lines[3], "Note over C,S: 75.0 s of silence", ""),
        (lines[4], "S-xC: RST R. (75.0 s", "frame 1104)"),
        (lines[5], "C-xS: RST R (75.0 s", "frame 1105)"),
    ] {
        assert!(line.starts_with(begin) && line.ends_with(frame), "{line}");
        let said = line.split_once(": ").unwrap().1;
        // Every number sign begins a character's number, which a semicolon ends.
        let mut parts = said.split('#');
        assert!(!parts.next().unwrap().contains(';'), "{line}");
        for part in parts {
            let (number, rest) = part.split_once(';').unwrap();
            assert!(number.parse::<u32>().is_ok() && !rest.contains(';'), "{line}");
        }
        assert!(!said.contains(['<', '>', '%', ':', '{']), "{line}");
    }
}

#[test]
fn no_text_from_outside_is_markup_in_a_ticket() {
    let verdict = unread(HOSTILE);
    let points = [point(0, "unread-data", Certainty::Certain)];
    let texts = [HOSTILE.to_owned()];
    let text = page(markdown, &account(&points, &texts), &[told(&verdict, &[])]);
    assert!(
        !text.contains(['<', '\u{1b}', '\u{202e}']) && !text.contains("@all"),
        "{text}"
    );
    assert!(!text.contains("[a](b)") && !text.contains("```"), "{text}");
    for line in text.lines() {
        let ours = ["", "#", "**", "- ", "|", "2026-"];
        assert!(
            line.is_empty() || ours.iter().skip(1).any(|begin| line.starts_with(begin)),
            "{line}"
        );
    }
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 9, "{row}");
    }
}

#[test]
fn of_a_long_ladder_the_end_is_drawn() {
    let verdict = unread("nginx");
    let mut long: Vec<Rung> = (0..300).map(|_| rungs("").remove(2)).collect();
    long.extend(rungs(""));
    let points = [point(0, "unread-data", Certainty::Certain)];
    for (face, words) in [
        (html as Face, "105 segments before these not drawn"),
        (markdown, "265 segments before"),
    ] {
        let text = page(face, &account(&points, &[]), &[told(&verdict, &long)]);
        assert!(text.contains(words) && text.contains("frame 1105"), "{words}");
    }
}
