//! The port for feature rows: what a request leaves out is looked up here, by id. Implemented by the server's state.

use crate::row::Row;

/// Feature rows by id, as they are now.
pub trait FeatureRows: Send + Sync {
    /// The user's row; `None` for a user never seen.
    fn user(&self, id: i64) -> Option<Row>;

    /// The item's row and its version; `None` for an item never seen.
    ///
    /// # Contract
    /// Two rows of one id with equal versions hold equal values; version 0 says "do not cache".
    fn item(&self, id: i64) -> Option<(Row, u64)>;

    /// The circumstances of a request made now; none unless the implementer knows some.
    fn context(&self) -> Option<Row> {
        None
    }
}

/// No feature rows: everything has to come with the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRows;

impl FeatureRows for NoRows {
    fn user(&self, _id: i64) -> Option<Row> {
        None
    }

    fn item(&self, _id: i64) -> Option<(Row, u64)> {
        None
    }
}
