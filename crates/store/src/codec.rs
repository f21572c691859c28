//! A row as bytes, for stores that keep byte values (redb).
//!
//! `count u32`, then per cell `name length u32, name, text length u32, text`, all little-endian, cells in name
//! order: equal rows have equal bytes. JSON was refused: it costs several times more to read, per request.
//! Decoding checks every length against what is left before it copies anything.

use crate::Cells;

/// Encodes a row; `None` if a text is 4 GiB long or longer.
pub(crate) fn encode(cells: &Cells) -> Option<Vec<u8>> {
    let size: usize = cells.iter().map(|(name, text)| 8 + name.len() + text.len()).sum();
    let mut out = Vec::with_capacity(4 + size);
    out.extend(u32::try_from(cells.len()).ok()?.to_le_bytes());
    for (name, text) in cells {
        put(&mut out, name)?;
        put(&mut out, text)?;
    }
    Some(out)
}

fn put(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
    out.extend(text.as_bytes());
    Some(())
}

/// Decodes a row.
pub(crate) fn decode(mut bytes: &[u8]) -> Result<Cells, &'static str> {
    let count = take_u32(&mut bytes)?;
    let mut cells = Cells::new();
    for _ in 0..count {
        let name = take_text(&mut bytes)?;
        let text = take_text(&mut bytes)?;
        if cells.insert(name, text).is_some() {
            return Err("a cell name stands twice");
        }
    }
    if bytes.is_empty() {
        Ok(cells)
    } else {
        Err("bytes are left over")
    }
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32, &'static str> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or("a length is cut off")?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*head))
}

fn take_text(bytes: &mut &[u8]) -> Result<String, &'static str> {
    let length = take_u32(bytes)? as usize;
    let (head, rest) = bytes.split_at_checked(length).ok_or("a text is cut off")?;
    *bytes = rest;
    String::from_utf8(head.to_vec()).map_err(|_| "a text is not UTF-8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let cells = Cells::from([("b".into(), "ü".into()), ("a".into(), String::new())]);
        let expected = b"\x02\0\0\0\x01\0\0\0a\0\0\0\0\x01\0\0\0b\x02\0\0\0\xc3\xbc";
        assert_eq!(encode(&cells).unwrap(), expected);
    }

    #[test]
    fn repeated_names_and_leftovers_are_refused() {
        let cell = b"\x01\0\0\0a\0\0\0\0";
        let twice = [b"\x02\0\0\0".as_slice(), cell, cell].concat();
        assert_eq!(decode(&twice), Err("a cell name stands twice"));
        let over = [b"\x01\0\0\0".as_slice(), cell, b"x"].concat();
        assert_eq!(decode(&over), Err("bytes are left over"));
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(cells in prop::collection::btree_map(".{0,8}", ".{0,20}", 0..8)) {
            prop_assert_eq!(decode(&encode(&cells).unwrap()), Ok(cells));
        }

        #[test]
        fn any_cut_is_refused(cells in prop::collection::btree_map(".{0,8}", ".{0,20}", 1..8), at in any::<prop::sample::Index>()) {
            let bytes = encode(&cells).unwrap();
            prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(cells) = decode(&bytes) {
                prop_assert_eq!(decode(&encode(&cells).unwrap()), Ok(cells));
            }
        }
    }
}
