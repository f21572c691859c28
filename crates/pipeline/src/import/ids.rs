//! Source ids to ours, in order of first appearance.
//!
//! The decision: ids are collected as numbers or texts while reading, and only at the end it is known
//! whether all of them are whole numbers from 0 on. Then they stay as they are; otherwise each gets 1, 2, 3 … in
//! order of first appearance, and the source's text is kept as the key. A negative number is a text, for no
//! request may name one; the formats whose ids are numbers by definition reject it before it comes here.

use rustc_hash::FxHashMap;

/// All ids of one side (items or users) of a source.
#[derive(Debug, Default)]
pub(super) struct Ids {
    numbers: FxHashMap<i64, u32>,
    texts: FxHashMap<Box<str>, u32>,
    order: Vec<SourceId>,
}

#[derive(Debug)]
enum SourceId {
    Number(i64),
    Text(Box<str>),
}

/// An id as the catalogue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) id: i64,
    pub(super) key: Option<String>,
    pub(super) text: String,
}

impl Ids {
    /// The index of an id in order of first appearance, now known.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let next = self.next();
        if let Some(number) = number(text) {
            return *self.numbers.entry(number).or_insert_with(|| {
                self.order.push(SourceId::Number(number));
                next
            });
        }
        if let Some(&index) = self.texts.get(text) {
            return index;
        }
        self.order.push(SourceId::Text(text.into()));
        self.texts.insert(text.into(), next);
        next
    }

    /// The index of an id, if it is known.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        match number(text) {
            Some(number) => self.numbers.get(&number).copied(),
            None => self.texts.get(text).copied(),
        }
    }

    /// The final ids by index.
    pub(super) fn resolve(self) -> Vec<Resolved> {
        let dense = !self.texts.is_empty();
        let resolve = |(id, source): (i64, SourceId)| match source {
            SourceId::Number(number) if !dense => Resolved {
                id: number,
                key: None,
                text: number.to_string(),
            },
            SourceId::Number(number) => keyed(id, number.to_string()),
            SourceId::Text(text) => keyed(id, text.into()),
        };
        (1..).zip(self.order).map(resolve).collect()
    }

    fn next(&self) -> u32 {
        u32::try_from(self.order.len()).unwrap_or(u32::MAX)
    }
}

fn keyed(id: i64, text: String) -> Resolved {
    Resolved {
        id,
        key: Some(text.clone()),
        text,
    }
}

/// A whole number from 0 on in its one decimal form: `-7`, `007` and `+7` are texts.
fn number(text: &str) -> Option<i64> {
    let canonical = !text.starts_with(['0', '+', '-']) || text == "0";
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay() {
        let mut ids = Ids::default();
        assert_eq!(["7", "3", "7", "0"].map(|text| ids.intern(text)), [0, 1, 0, 2]);
        assert_eq!((ids.find("3"), ids.find("8")), (Some(1), None));
        let ids: Vec<_> = ids.resolve().into_iter().map(|id| (id.id, id.key)).collect();
        assert_eq!(ids, [(7, None), (3, None), (0, None)]);
    }

    #[test]
    fn one_negative_number_makes_all_ids_dense_with_keys() {
        let mut ids = Ids::default();
        assert_eq!(["7", "-3", "7"].map(|text| ids.intern(text)), [0, 1, 0]);
        let ids: Vec<_> = ids.resolve().into_iter().map(|id| (id.id, id.key)).collect();
        assert_eq!(ids, [(1, Some("7".to_owned())), (2, Some("-3".to_owned()))]);
    }

    #[test]
    fn one_text_makes_all_ids_dense_with_keys() {
        let mut ids = Ids::default();
        assert_eq!(
            ["42", "007", "7", "+7", "-0", "007"].map(|text| ids.intern(text)),
            [0, 1, 2, 3, 4, 1]
        );
        let ids: Vec<_> = ids
            .resolve()
            .into_iter()
            .map(|id| (id.id, id.key.unwrap()))
            .collect();
        let expected = [(1, "42"), (2, "007"), (3, "7"), (4, "+7"), (5, "-0")];
        assert_eq!(ids, expected.map(|(id, key)| (id, key.to_owned())));
    }
}
