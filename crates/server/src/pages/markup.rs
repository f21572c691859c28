//! Test support: a small strict reader of the XML that the cover drawing writes.

/// Fails unless tags balance, attributes are quoted, text is escaped and no figure is `NaN` or infinite.
pub(super) fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start]);
        let end = rest[start..].find('>').expect("a tag is closed") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tags match");
            continue;
        }
        check_attributes(tag.strip_suffix('/').unwrap_or(tag));
        if !tag.ends_with('/') {
            open.push(tag.split(' ').next().expect("a tag has a name"));
        }
    }
    assert!(
        open.is_empty() && rest.trim().is_empty(),
        "all tags are closed: {open:?} {rest}"
    );
}

fn check_text(text: &str) {
    let escaped = ["&lt;", "&gt;", "&quot;", "&#39;", "&amp;"]
        .iter()
        .fold(text.to_owned(), |t, e| t.replace(e, ""));
    assert!(!escaped.contains(['&', '>']), "unescaped: {text}");
    assert!(
        !escaped.chars().any(|c| c.is_control() && c != '\n'),
        "control character: {text:?}"
    );
}

fn check_attributes(tag: &str) {
    let parts: Vec<&str> = tag.split('"').collect();
    assert_eq!(parts.len() % 2, 1, "quotes balance: {tag}");
    for pair in parts.chunks_exact(2) {
        assert!(pair[0].ends_with('='), "every value has a name: {tag}");
        check_text(pair[1]);
        assert!(
            !pair[1].contains("NaN") && !pair[1].contains("inf"),
            "not a figure: {tag}"
        );
    }
}
