//! Where a key stands in a stream's file, for faults that are found only once all of it is read.
//!
//! The decision: looked up by line, since what two keys say together has no place of its own; a key that is not there has that of its
//! table.

/// Line and column of a key, counted from 1; its table's where it is not there, and the file's first without that.
pub(super) fn place(text: &str, key: &str) -> (usize, usize) {
    let table = key.rsplit_once('.').map_or("", |(table, _)| table);
    let (mut within, mut nearest) = (String::new(), None);
    for (at, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        let here = (at + 1, line.len() - bare.len() + 1);
        if let Some(header) = bare.strip_prefix('[') {
            within = header
                .trim_start_matches('[')
                .chars()
                .take_while(|c| *c != ']')
                .collect();
            if within == key {
                return here;
            }
            nearest = nearest.or((within == table).then_some(here));
            continue;
        }
        let Some((name, _)) = bare.split_once('=') else {
            continue;
        };
        let dot = if within.is_empty() { "" } else { "." };
        let whole = format!("{within}{dot}{}", name.trim());
        if begins(&whole, key) || begins(key, &whole) {
            return here;
        }
    }
    nearest.unwrap_or((1, 1))
}

/// Whether a dotted key is another one or something in it.
fn begins(key: &str, with: &str) -> bool {
    key.strip_prefix(with)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_written() {
        let text = "name = \"x\"\nusers = { dsn = \"\" }\n\n[source]\nkind = \"pigeon\"\n  table = \"item\"\n[[dimension]]\nitems = \"SELECT\"\n\
            [vectors]\nhnsw.ef = 0\njoin.kind = 1\n[vectors.more]\n";
        for (key, found) in [
            ("name", (1, 1)),
            ("users.dsn", (2, 1)),
            ("source.kind", (5, 1)),
            ("source.table", (6, 3)),
            ("source.dsn", (4, 1)),
            ("dimension.items", (8, 1)),
            ("vectors.hnsw", (10, 1)),
            ("vectors.more", (12, 1)),
            ("join.kind", (1, 1)),
            ("listen", (1, 1)),
        ] {
            assert_eq!(place(text, key), found, "{key}");
        }
    }
}
