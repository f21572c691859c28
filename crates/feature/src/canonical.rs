//! Canonical bytes read back: what a server sent, what a log holds, slot by slot.
//!
//! [`crate::Part::encode`] writes them. Decision: equality is told on the bytes; this module is for saying *which* slot
//! differs and what stands there.

use crate::{Content, FeatureError};
use std::ops::Range;

/// One slot of canonical bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct CanonicalSlot {
    /// Its number.
    pub slot: u32,
    /// Signs with their weights; empty for floats.
    pub signs: Vec<u64>,
    /// As many as signs.
    pub weights: Vec<f32>,
    /// The floats of a dense slot; none for signs.
    pub floats: Option<Vec<f32>>,
    /// Where it lies in the bytes.
    pub range: Range<usize>,
}

impl CanonicalSlot {
    /// What it holds.
    #[must_use]
    pub fn content(&self) -> Content<'_> {
        match &self.floats {
            Some(floats) => Content::Floats(floats),
            None => Content::Signs(&self.signs, &self.weights),
        }
    }
}

/// Appends one slot: slot u32, kind u8 (0 signs, 1 floats), count u32, then per sign its u64 and its weight's f32 bits, or the
/// f32 bits of the floats; little-endian.
pub fn write(slot: u32, content: Content<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&slot.to_le_bytes());
    let (kind, count) = match content {
        Content::Signs(signs, _) => (0, signs.len()),
        Content::Floats(floats) => (1, floats.len()),
    };
    out.push(kind);
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    match content {
        Content::Signs(signs, weights) => {
            for (sign, weight) in signs.iter().zip(weights) {
                out.extend_from_slice(&sign.to_le_bytes());
                out.extend_from_slice(&weight.to_bits().to_le_bytes());
            }
        }
        Content::Floats(floats) => {
            let bits = floats.iter().map(|x| x.to_bits().to_le_bytes());
            bits.for_each(|bits| out.extend_from_slice(&bits));
        }
    }
}

/// Reads all slots.
///
/// # Errors
/// `FeatureError::Canonical` with the offset of the first byte that does not fit.
pub fn read(bytes: &[u8]) -> Result<Vec<CanonicalSlot>, FeatureError> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let slot = one(bytes, at).ok_or(FeatureError::Canonical { at })?;
        at = slot.range.end;
        found.push(slot);
    }
    Ok(found)
}

fn one(bytes: &[u8], start: usize) -> Option<CanonicalSlot> {
    let mut rest = &bytes[start..];
    let slot = u32::from_le_bytes(take(&mut rest)?);
    let [kind] = take(&mut rest)?;
    let count = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
    let size = if kind == 0 { 12 } else { 4 };
    // checked before anything is allocated
    let whole = rest.len() >= count.checked_mul(size)?;
    let mut read = CanonicalSlot {
        slot,
        signs: Vec::new(),
        weights: Vec::new(),
        floats: (kind == 1).then(Vec::new),
        range: start..start,
    };
    if !whole || kind > 1 {
        return None;
    }
    for _ in 0..count {
        if let Some(floats) = &mut read.floats {
            floats.push(f32::from_le_bytes(take(&mut rest)?));
        } else {
            read.signs.push(u64::from_le_bytes(take(&mut rest)?));
            read.weights.push(f32::from_le_bytes(take(&mut rest)?));
        }
    }
    read.range.end = bytes.len() - rest.len();
    Some(read)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Group, Part, SlotKind, SlotSpec};
    use proptest::prelude::*;

    fn part() -> Part {
        Part {
            signs: vec![7, u64::MAX],
            weights: vec![1.0, -0.5],
            ends: vec![2, 2],
            dense: vec![1.5, -2.0],
            missing: vec![false],
            halves: vec![],
            mixed: true,
        }
    }

    fn bytes() -> Vec<u8> {
        let spec = |slot, kind, index| SlotSpec {
            slot,
            name: "x".into(),
            group: Group::Item,
            kind,
            index,
            signs: 0,
        };
        let mut out = Vec::new();
        part().encode(&spec(1, SlotKind::Sparse, 0), &mut out);
        part().encode(&spec(2, SlotKind::Sparse, 1), &mut out);
        part().encode(&spec(3, SlotKind::Dense(2), 0), &mut out);
        out
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = bytes();
        let slots = read(&bytes).unwrap();
        assert_eq!(slots.iter().map(|slot| slot.slot).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(slots[0].content(), Content::Signs(&[7, u64::MAX], &[1.0, -0.5]));
        assert_eq!(slots[1].content(), Content::Signs(&[], &[]));
        assert_eq!(slots[2].content(), Content::Floats(&[1.5, -2.0]));
        let ranges: Vec<_> = slots.iter().map(|slot| slot.range.clone()).collect();
        assert_eq!(
            (ranges[0].start, ranges[0].end, ranges[2].end),
            (0, ranges[1].start, bytes.len())
        );
    }

    #[test]
    fn what_is_cut_off_is_an_error_with_its_place() {
        let bytes = bytes();
        let starts: Vec<usize> = read(&bytes)
            .unwrap()
            .iter()
            .map(|slot| slot.range.start)
            .collect();
        for end in (1..bytes.len()).filter(|end| !starts.contains(end)) {
            let error = read(&bytes[..end]).unwrap_err();
            let at = starts.iter().rfind(|start| **start < end).unwrap();
            assert_eq!(error, FeatureError::Canonical { at: *at });
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_slots_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(slots) = read(&bytes) {
                prop_assert_eq!(slots.last().map_or(0, |slot| slot.range.end), bytes.len());
            }
        }
    }
}
