//! Rows of named values: what requests and feature rows are made of before a plan's schema puts them in order.
//!
//! The decision here: names live in a shared [`RowLayout`], so that thousands of rows share one list of names and the
//! projection onto a plan is looked up once per layout, not once per row.

use std::sync::Arc;

use rankine_feature::Value;

/// The names of a row's values, in their order. Cloning shares it; make one per kind of row and keep it.
#[derive(Debug, Clone)]
pub struct RowLayout(Arc<[Arc<str>]>);

impl RowLayout {
    /// A layout of these names. Where a name occurs twice, the first one counts.
    pub fn new<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The names, in the order of a row's values.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.0
    }

    /// Where a name's value stands.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|n| &**n == name)
    }

    /// Whether both are clones of one layout: cheap, and false for equal lists made apart.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for RowLayout {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

/// Named values. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Row {
    layout: RowLayout,
    values: Arc<[Value]>,
}

impl Row {
    /// A row: values in the order of the layout. Values left out count as missing, surplus ones are not read.
    pub fn new(layout: &RowLayout, values: impl Into<Arc<[Value]>>) -> Self {
        Self {
            layout: layout.clone(),
            values: values.into(),
        }
    }

    /// A row with its own layout; for single rows, not for feature stores.
    pub fn of<N: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, Value)>) -> Self {
        let (names, values): (Vec<N>, Vec<Value>) = pairs.into_iter().unzip();
        Self {
            layout: RowLayout::new(names),
            values: values.into(),
        }
    }

    /// The names.
    #[must_use]
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// The values, in the order of the layout.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of a name; `None` where the row does not have the name, `Missing` where it has it without a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.layout.position(name)?;
        Some(self.values.get(at).unwrap_or(&Value::Missing))
    }

    /// This row with every value that `over` names taken from `over`, a `Missing` too: what a request gives wins.
    #[must_use]
    pub fn overlaid(&self, over: &Row) -> Row {
        if over.layout.names().is_empty() {
            return self.clone();
        }
        let kept = self
            .pairs()
            .filter(|(name, _)| over.layout.position(name).is_none());
        Row::of(over.pairs().chain(kept))
    }

    fn pairs(&self) -> impl Iterator<Item = (Arc<str>, Value)> + '_ {
        let value = |i| self.values.get(i).cloned().unwrap_or_default();
        self.layout
            .names()
            .iter()
            .enumerate()
            .map(move |(i, name)| (Arc::clone(name), value(i)))
    }
}

impl Default for Row {
    fn default() -> Self {
        Self {
            layout: RowLayout::default(),
            values: Arc::new([]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&'static str, i64)]) -> Row {
        Row::of(pairs.iter().map(|(n, v)| (*n, Value::Int(*v))))
    }

    #[test]
    fn a_name_is_found_missing_or_unknown() {
        let row = Row::new(&RowLayout::new(["a", "b"]), vec![Value::Int(1)]);
        assert_eq!(row.get("a"), Some(&Value::Int(1)));
        assert_eq!(row.get("b"), Some(&Value::Missing));
        assert_eq!(row.get("c"), None);
    }

    #[test]
    fn what_is_laid_over_wins_even_with_missing() {
        let over = Row::of([("b", Value::Missing), ("c", Value::Int(3))]);
        let both = row(&[("a", 1), ("b", 2)]).overlaid(&over);
        assert_eq!(both.get("a"), Some(&Value::Int(1)));
        assert_eq!(both.get("b"), Some(&Value::Missing));
        assert_eq!(both.get("c"), Some(&Value::Int(3)));
    }

    #[test]
    fn laying_nothing_over_keeps_the_layout() {
        let base = row(&[("a", 1)]);
        assert!(base.overlaid(&Row::default()).layout().is(base.layout()));
    }
}
