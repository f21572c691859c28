//! Where in a JSON text the value of a path stands.
//!
//! The decision: `serde_json` reads the file; this only finds places for faults, in a text known to be JSON.

/// The byte at which the value of the path begins; the deepest part of it that is there.
pub(super) fn locate(text: &str, path: &[String]) -> usize {
    let mut at = space(text, 0);
    for name in path {
        match member(text, at, name) {
            Some(found) => at = found,
            None => break,
        }
    }
    at
}

fn space(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + (rest.len() - rest.trim_start().len())
}

fn byte(text: &str, at: usize) -> u8 {
    text.as_bytes().get(at).copied().unwrap_or(0)
}

/// Where the member's value begins, in the object or array at `at`.
fn member(text: &str, at: usize, name: &str) -> Option<usize> {
    let (open, mut next, mut index) = (byte(text, at), space(text, at + 1), 0_usize);
    while matches!(open, b'{' | b'[') && !matches!(byte(text, next), b'}' | b']' | 0) {
        let key = if open == b'{' {
            let end = value_end(text, next);
            let key: Option<String> = serde_json::from_str(&text[next..end]).ok();
            next = space(text, space(text, end) + 1);
            key
        } else {
            Some(index.to_string())
        };
        if key.as_deref() == Some(name) {
            return Some(next);
        }
        next = space(text, value_end(text, next));
        if byte(text, next) == b',' {
            next = space(text, next + 1);
        }
        index += 1;
    }
    None
}

/// The byte behind the value at `at`.
fn value_end(text: &str, at: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (offset, c) in text[at..].bytes().enumerate() {
        if quoted {
            quoted = escaped || c != b'"';
            escaped = c == b'\\' && !escaped;
            if !quoted && depth == 0 {
                return at + offset + 1;
            }
            continue;
        }
        match c {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at + offset,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + offset + 1;
                }
            }
            b',' if depth == 0 => return at + offset,
            c if c.is_ascii_whitespace() && depth == 0 => return at + offset,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_value() {
        let text = "{ \"a\\\"}\": [1, {\"b\": \"x,]\"}, 3],\n \"c\" : {\"d\": -1.5, \"e\":null} }";
        let find = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|p| (*p).to_owned()).collect();
            &text[locate(text, &path)..]
        };
        assert!(find(&["a\"}", "1", "b"]).starts_with("\"x,]\""));
        assert!(find(&["a\"}", "2"]).starts_with("3]"));
        assert!(find(&["c", "e"]).starts_with("null"));
        assert!(find(&["c", "none"]).starts_with("{\"d\""));
        assert!(find(&[]).starts_with('{'));
    }
}
