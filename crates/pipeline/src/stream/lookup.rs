//! Lookup join and projection: the user's statement, run for the changed ids where the tables live.
//!
//! The third step of a micro-batch. Two implementations: PostgreSQL, and the embedded SQLite that sources outside a
//! database land in. The decision: the statement is run as if for each id alone, with that row's own commit time, so a
//! batch of many gives the same rows as many batches of one.

use super::change::Change;
use super::joined::JoinedRow;
use crate::error::PipelineError;

/// A table whose changes re-emit the items that rest on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// The table.
    pub table: String,
    /// Its key column.
    pub key: String,
    /// A statement that gives the ids of the items resting on rows with the keys `:keys` (texts).
    pub items: String,
}

impl Dimension {
    /// What it is called in the stream's state: its table and key.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.table, self.key)
    }
}

/// What the statement said about one id.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its row.
    Row(JoinedRow),
    /// There is none (any more).
    Nothing,
    /// The statement fails for it, or gives several rows.
    Faulty(String),
}

/// What a dimension's statement said about the keys of changed rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resting {
    /// Items that rest on them.
    pub items: Vec<i64>,
    /// Keys on which the statement fails, each with the reason.
    pub faulty: Vec<(String, String)>,
}

/// Ids that a statement gave for some keys, or why it fails on them.
pub(crate) type Asked = Result<Vec<i64>, String>;

/// Runs the user's statements.
pub trait Lookup: Send {
    /// Rows of (id, as-of time) pairs, in their order. A pair on which the statement fails is `Faulty`; the others are
    /// not touched by that.
    ///
    /// # Errors
    /// Where nothing could be asked at all, or the statement is wrong whatever the rows.
    fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError>;

    /// A transaction of these changes that cannot be read yet. PostgreSQL hands a commit to replication a moment before other
    /// sessions see it; a join right after it would miss the row.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn unsettled(&mut self, changes: &[Change]) -> Result<Option<u32>, PipelineError> {
        let _ = changes;
        Ok(None)
    }

    /// The items that rest on rows of a dimension. A key on which the statement fails is told; the others are not touched by
    /// that.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Resting, PipelineError>;

    /// Which of these items are in the item table.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError>;

    /// Brings changes into the tables, where they are ours to keep; those that the tables refuse, by their place, with the
    /// reason, while the others are in. In PostgreSQL they are there already.
    ///
    /// # Errors
    /// As [`Lookup::join`].
    fn land(&mut self, changes: &[Change]) -> Result<Vec<(usize, String)>, PipelineError> {
        let _ = changes;
        Ok(Vec::new())
    }
}

/// Joins all at once; where that fails on data, each alone, so that the row at fault is found. A statement that fails without
/// any row is wrong whatever the rows.
pub(crate) fn each_alone(
    wanted: &[(i64, i64)],
    mut join: impl FnMut(&[(i64, i64)]) -> Result<Vec<Found>, PipelineError>,
) -> Result<Vec<Found>, PipelineError> {
    match join(wanted) {
        Err(error) if error.is_about_data() => {}
        other => return other,
    }
    join(&[])?;
    let one = |pair: &(i64, i64)| match join(std::slice::from_ref(pair)) {
        Ok(mut found) => Ok(found.pop().unwrap_or(Found::Nothing)),
        Err(error) if error.is_about_data() => Ok(Found::Faulty(error.to_string())),
        Err(error) => Err(error),
    };
    wanted.iter().map(one).collect()
}

/// Asks for the items of all keys at once; where that fails, of each key alone, so that the one at fault is found. A statement
/// that fails without any key is wrong whatever the keys.
pub(crate) fn key_by_key(
    keys: &[String],
    mut ask: impl FnMut(&[String]) -> Result<Asked, PipelineError>,
) -> Result<Resting, PipelineError> {
    let mut resting = Resting::default();
    if let Ok(items) = ask(keys)? {
        resting.items = items;
        return Ok(resting);
    }
    if let Err(reason) = ask(&[])? {
        let reason = format!("a dimension's statement fails without any key: {reason}");
        return Err(PipelineError::Stream { reason });
    }
    for key in keys {
        match ask(std::slice::from_ref(key))? {
            Ok(items) => resting.items.extend(items),
            Err(reason) => resting.faulty.push((key.clone(), reason)),
        }
    }
    Ok(resting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(keys: &[String], bad: &str) -> Result<Asked, PipelineError> {
        let one = |key: &String| match key == bad {
            true => Err(format!("{key} is no number")),
            false => Ok(i64::try_from(key.len()).unwrap_or(0)),
        };
        Ok(keys.iter().map(one).collect())
    }

    #[test]
    fn a_key_at_fault_leaves_the_others_alone() {
        let keys = ["a", "bb", "ccc"].map(str::to_owned);
        let all = key_by_key(&keys, |keys| ask(keys, "none")).unwrap();
        assert_eq!((all.items.as_slice(), all.faulty.len()), (&[1, 2, 3][..], 0));
        let some = key_by_key(&keys, |keys| ask(keys, "bb")).unwrap();
        assert_eq!(some.items, [1, 3]);
        assert_eq!(some.faulty, [("bb".to_owned(), "bb is no number".to_owned())]);
    }

    #[test]
    fn a_statement_that_is_wrong_whatever_the_keys_says_so() {
        let wrong = |_: &[String]| Ok(Err("division by zero".to_owned()));
        let error = key_by_key(&["a".to_owned()], wrong).unwrap_err().to_string();
        assert!(error.contains("without any key: division by zero"), "{error}");
    }
}
