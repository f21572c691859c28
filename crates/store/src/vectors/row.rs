//! One vector with what a stream has to know about it, which of two writes wins, and its bytes in an embedded file.

use rustc_hash::FxHashMap;

use super::{Generation, Gone, Shape, is_shared};
use crate::StoreError;

/// A vector, and where and when its content stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorRow {
    /// Whose vector.
    pub id: i64,
    /// The numbers.
    pub vector: Vec<f32>,
    /// The time its time-dependent inputs were computed for (µs UTC).
    pub as_of: i64,
    /// Where in the source the change stands; any number that grows, 0 for a batch.
    pub position: i64,
    /// When the item came into being (µs UTC), for freshness filters; 0 where nobody asks.
    pub created: i64,
    /// What a category filter looks at.
    pub categories: Vec<String>,
}

/// What decides whether a write is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) position: i64,
    pub(super) as_of: i64,
    pub(super) gone: bool,
}

impl Standing {
    /// Whether a write with this standing is applied over `old`.
    pub(super) fn wins(self, old: Option<Standing>) -> bool {
        let Some(old) = old else {
            return true;
        };
        if self.position != old.position {
            return self.position > old.position;
        }
        match old.gone {
            true => !self.gone && is_shared(self.position),
            false => self.gone || self.as_of >= old.as_of,
        }
    }
}

impl Gone {
    pub(super) fn standing(self) -> Standing {
        Standing {
            position: self.position,
            as_of: 0,
            gone: true,
        }
    }
}

impl VectorRow {
    pub(super) fn standing(&self) -> Standing {
        Standing {
            position: self.position,
            as_of: self.as_of,
            gone: false,
        }
    }

    /// Checks width and numbers.
    pub(super) fn check(&self, generation: &Generation, shape: Shape) -> Result<(), StoreError> {
        check_vector(generation, Some(self.id), &self.vector, shape)
    }

    /// As bytes: times and position, categories, numbers.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = head(self.standing());
        bytes.extend(self.created.to_le_bytes());
        bytes.extend((self.categories.len() as u64).to_le_bytes());
        for category in &self.categories {
            bytes.extend((category.len() as u64).to_le_bytes());
            bytes.extend(category.as_bytes());
        }
        bytes.extend(self.vector.iter().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// Reads [`VectorRow::encode`]'s or [`tombstone`]'s bytes; the row is `None` for the latter.
    pub(super) fn decode(id: i64, mut bytes: &[u8]) -> Option<(Standing, Option<VectorRow>)> {
        let bytes = &mut bytes;
        let standing = Standing {
            position: take_i64(bytes)?,
            as_of: take_i64(bytes)?,
            gone: take(bytes, 1)? == [1],
        };
        if standing.gone {
            return Some((standing, None));
        }
        let created = take_i64(bytes)?;
        let count = take_length(bytes)?;
        let mut categories = Vec::new();
        for _ in 0..count {
            let length = take_length(bytes)?;
            categories.push(std::str::from_utf8(take(bytes, length)?).ok()?.to_owned());
        }
        let row = VectorRow {
            id,
            vector: numbers(bytes)?,
            as_of: standing.as_of,
            position: standing.position,
            created,
            categories,
        };
        Some((standing, Some(row)))
    }
}

/// The bytes of a deleted row.
pub(super) fn tombstone(gone: Gone) -> Vec<u8> {
    head(gone.standing())
}

fn head(standing: Standing) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(standing.position.to_le_bytes());
    bytes.extend(standing.as_of.to_le_bytes());
    bytes.push(u8::from(standing.gone));
    bytes
}

/// Little-endian numbers, all of them.
pub(super) fn numbers(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_i64(bytes: &mut &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(take(bytes, 8)?.try_into().ok()?))
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_i64(bytes)?).ok()
}

/// Checks width and numbers of a row (`id`) or a query.
pub(super) fn check_vector(
    generation: &Generation,
    id: Option<i64>,
    vector: &[f32],
    shape: Shape,
) -> Result<(), StoreError> {
    let refuse = |expected: String, got: String| StoreError::Vector {
        set: generation.set.clone(),
        version: generation.version,
        id,
        expected,
        got,
    };
    if vector.len() != shape.width {
        return Err(refuse(
            format!("{} numbers", shape.width),
            vector.len().to_string(),
        ));
    }
    match vector.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(refuse("finite numbers".to_owned(), number.to_string())),
        None => Ok(()),
    }
}

/// Of writes to one id the one that would stand if they came one by one; ascending ids, so that two writers never wait
/// for each other's rows in turn.
pub(super) fn latest<T>(writes: &[T], id: impl Fn(&T) -> i64, standing: impl Fn(&T) -> Standing) -> Vec<&T> {
    let mut last: FxHashMap<i64, &T> = FxHashMap::default();
    for write in writes {
        let old = last.get(&id(write)).map(|old| standing(old));
        if standing(write).wins(old) {
            last.insert(id(write), write);
        }
    }
    let mut kept: Vec<&T> = last.into_values().collect();
    kept.sort_unstable_by_key(|write| id(write));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = VectorRow> {
        let numbers = proptest::collection::vec(-1e6_f32..1e6, 0..9);
        let words = proptest::collection::vec("[a-zé ]{0,4}", 0..3);
        let places = (any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>());
        (places, numbers, words).prop_map(|((id, as_of, position, created), vector, categories)| VectorRow {
            id,
            vector,
            as_of,
            position,
            created,
            categories,
        })
    }

    proptest! {
        #[test]
        fn bytes_come_back(row in row()) {
            let (standing, read) = VectorRow::decode(row.id, &row.encode()).unwrap();
            prop_assert_eq!(standing, row.standing());
            prop_assert_eq!(read, Some(row));
        }

        #[test]
        fn any_bytes_are_a_row_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _read = VectorRow::decode(1, &bytes);
        }

        #[test]
        fn the_order_of_writes_with_different_positions_does_not_matter(mut places in proptest::collection::vec((0_i64..9, any::<bool>()), 1..9)) {
            places.sort_unstable();
            places.dedup_by_key(|place| place.0);
            let standing = |(position, gone): &(i64, bool)| Standing { position: *position, as_of: 0, gone: *gone };
            let forward = latest(&places, |_| 1, standing);
            prop_assert_eq!(forward, vec![places.last().unwrap()]);
            let mut back = places.clone();
            back.reverse();
            prop_assert_eq!(latest(&back, |_| 1, standing), vec![&back[0]]);
        }
    }

    #[test]
    fn at_one_position_a_delete_wins_and_a_later_as_of_time_wins() {
        let live = |as_of| Standing {
            position: 5,
            as_of,
            gone: false,
        };
        let dead = Standing {
            position: 5,
            as_of: 0,
            gone: true,
        };
        assert!(dead.wins(Some(live(9))) && !live(9).wins(Some(dead)) && !dead.wins(Some(dead)));
        assert!(live(2).wins(Some(live(1))) && live(1).wins(Some(live(1))) && !live(1).wins(Some(live(2))));
    }
}
