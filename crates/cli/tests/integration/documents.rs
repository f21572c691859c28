//! What the repository's pages promise: every relative link and picture leads somewhere, and nothing is left to be written.

use std::path::{Path, PathBuf};

use crate::home::REPOSITORY;

/// Words of unfinished pages, lower case.
const PLACEHOLDERS: [&str; 7] = [
    "todo",
    "tbd",
    "fixme",
    "xxx",
    "lorem ipsum",
    "to be taken",
    "to be written",
];

/// Every page of the repository: `.md` outside hidden folders, build output and sources (there, pieces of pages).
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || name == "target" || name == "src" {
            continue;
        }
        if path.is_dir() {
            found.extend(pages(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The words between backticks in a page's table rows.
fn quoted_in_tables(text: &str) -> impl Iterator<Item = &str> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2))
}

#[test]
fn every_test_that_holds_a_hazard_exists() {
    let page = std::fs::read_to_string(Path::new(REPOSITORY).join("SAFETY.md")).unwrap();
    let sources = sources(&Path::new(REPOSITORY).join("crates"));
    let plain = |word: &str| {
        word.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    // names of tests are sentences; what is shorter is a key or a file
    let tests = quoted_in_tables(&page).filter(|word| plain(word) && word.matches('_').count() > 1);
    let missing: Vec<&str> = tests
        .filter(|test| {
            !sources
                .iter()
                .any(|source| source.contains(&format!("fn {test}(")))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "SAFETY.md names tests that are not there: {missing:?}"
    );
}

/// All Rust files of a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(end) if end == "rs" => vec![std::fs::read_to_string(&path).unwrap()],
        _ => Vec::new(),
    };
    entries.flat_map(read).collect()
}

/// The text without code: what is fenced, and what stands between backticks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            kept.push(line.split('`').step_by(2).collect::<Vec<_>>().join(""));
        }
    }
    kept.join("\n")
}

/// Targets of links and pictures: `](target)` and `src="target"`.
fn targets(prose: &str) -> Vec<&str> {
    let after = |mark: &'static str, end: char| {
        let parts = prose.split(mark).skip(1);
        parts.filter_map(move |rest| rest.split_once(end).map(|(target, _)| target))
    };
    after("](", ')').chain(after("src=\"", '"')).collect()
}

/// The anchors of a page, as GitHub makes them of headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|line| {
            line.chars()
                .filter(|&c| kept(c))
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

/// What is wrong with a link of `page`; none if it leads somewhere.
fn broken(page: &Path, target: &str) -> Option<String> {
    if ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().unwrap().join(file)
    };
    if !path.exists() {
        return Some(format!("{}: {target}: no such file", page.display()));
    }
    let known =
        anchor.is_empty() || anchors(&std::fs::read_to_string(&path).unwrap()).contains(&anchor.to_owned());
    (!known).then(|| format!("{}: {target}: no such heading", page.display()))
}

#[test]
fn every_relative_link_and_picture_leads_somewhere() {
    let (mut links, mut faults) = (0, Vec::new());
    for page in pages(Path::new(REPOSITORY)) {
        let text = prose(&std::fs::read_to_string(&page).unwrap());
        let targets = targets(&text);
        links += targets.len();
        faults.extend(targets.iter().filter_map(|target| broken(&page, target)));
    }
    assert!(links >= 20, "only {links} links found: are the pages read?");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_link_to_nowhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    let text = "# A heading, here\n[a](page.md#a-heading-here) [b](no.md) ![c](no.svg) `[d](code)`\n\
                ```\n[e](code)\n```\n<img src=\"no.png\"> [f](#nowhere) [g](https://example.org/x)\n";
    std::fs::write(&page, text).unwrap();
    let text = prose(text);
    let faults: Vec<String> = targets(&text)
        .iter()
        .filter_map(|target| broken(&page, target))
        .collect();
    let named = |target: &str| faults.iter().any(|fault| fault.contains(target));
    assert!(
        faults.len() == 4 && ["no.md", "no.svg", "no.png", "#nowhere"].into_iter().all(named),
        "{faults:?}"
    );
}

#[test]
fn no_page_has_placeholder_text() {
    for page in pages(Path::new(REPOSITORY)) {
        for (number, line) in std::fs::read_to_string(&page).unwrap().lines().enumerate() {
            let lower = line.to_lowercase();
            let mut words = PLACEHOLDERS.iter().filter(|word| lower.contains(*word));
            assert!(
                words.next().is_none(),
                "{}:{}: {line}",
                page.display(),
                number + 1
            );
        }
    }
}
