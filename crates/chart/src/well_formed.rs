//! Test support: a small strict reader of the SVG this crate writes.
//!
//! Decision: reading with our own rules, stricter than XML's (double quotes only, every attribute figure finite), finds
//! what a lenient parser forgives.

use crate::escape;

/// Fails unless tags balance, attributes are quoted, text is escaped and no figure is `NaN` or infinite.
pub(crate) fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start], open.last().copied());
        let end = rest[start..].find('>').expect("tag is closed") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tag matches");
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("tag has a name");
        check_attributes(tag.strip_suffix('/').unwrap_or(tag));
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "all tags closed: {open:?}");
    assert!(svg.contains("<title>") && svg.contains("<desc>") && svg.contains("role=\"img\""));
}

/// The number in attribute `name` of a tag.
pub(crate) fn attribute(tag: &str, name: &str) -> f64 {
    let start = tag.find(&format!(" {name}=\"")).expect("attribute exists") + name.len() + 3;
    let end = tag[start..].find('"').expect("attribute ends") + start;
    tag[start..end].parse().expect("attribute is a number")
}

fn check_text(text: &str, inside: Option<&str>) {
    assert!(
        !text.contains('>') || inside == Some("style"),
        "unescaped text: {text}"
    );
    let plain = text
        .replace("&lt;", "")
        .replace("&gt;", "")
        .replace("&quot;", "")
        .replace("&#39;", "")
        .replace("&amp;", "");
    assert!(!plain.contains('&'), "bare ampersand: {text}");
    assert!(
        inside == Some("style") || !text.chars().any(|c| c.is_control() && c != '\n'),
        "control character"
    );
}

fn check_attributes(tag: &str) {
    let parts: Vec<&str> = tag.split('"').collect();
    assert_eq!(parts.len() % 2, 1, "quotes balance: {tag}");
    for pair in parts.chunks_exact(2) {
        let (name, value) = (
            pair[0].trim_end_matches('=').rsplit(' ').next().unwrap_or(""),
            pair[1],
        );
        let drawn = [
            "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "width", "height",
        ]
        .contains(&name);
        assert!(
            !drawn || value.parse::<f64>().is_ok_and(f64::is_finite),
            "{name}={value}"
        );
        assert!(name != "d" || !value.contains(['N', 'n', 'i']), "path {value}");
        assert!(
            !["width", "height", "r"].contains(&name) || !value.starts_with('-'),
            "{name}={value}"
        );
    }
}

#[test]
fn the_reader_refuses_what_it_should() {
    let document = |inner: &str| {
        format!(
            "<svg role=\"img\"><title>{}</title><desc>d</desc>{inner}</svg>",
            escape("<t>")
        )
    };
    assert_well_formed(&document("<rect x=\"1\"/>"));
    for bad in [
        "<rect x=\"NaN\"/>",
        "<g>",
        "a & b",
        "<rect width=\"-1\"/>",
        "<rect x=\"1/>",
    ] {
        assert!(
            std::panic::catch_unwind(|| assert_well_formed(&document(bad))).is_err(),
            "{bad}"
        );
    }
}
