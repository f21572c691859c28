//! What is asked. Plain data; protocols translate to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rankine_feature::Value;

use super::tap::Tap;
use crate::row::Row;
use crate::rows::FeatureRows;

/// One item to score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuestionItem {
    /// Its id: the key of its row, and the value of the conf's id field where nothing else gives that.
    pub id: i64,
    /// Values by place in [`Question::item_fields`]; `None` (and what is left out at the end) is not given.
    /// `Some(Missing)` is given as missing and wins over the item's row.
    pub given: Vec<Option<Value>>,
    /// Models it wants, as asked for or by their names; empty: all.
    pub models: Vec<Arc<str>>,
}

/// A conf and the models to score with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The conf's name; empty: each model's own, whichever that is.
    pub conf: String,
    /// Names or aliases of models, with `:version` for one version and `/output` for one of its outputs.
    pub models: Vec<String>,
}

/// A question.
#[derive(Clone, Default)]
pub struct Question {
    /// The user's values.
    pub user: Row,
    /// The circumstances.
    pub context: Row,
    /// Names of the values that items give.
    pub item_fields: Vec<Arc<str>>,
    /// What to score.
    pub items: Vec<QuestionItem>,
    /// What items give is what their stored rows have, no override: an item vector made ahead may stand for them.
    pub items_as_stored: bool,
    /// Confs and models, answered in this order.
    pub asks: Vec<Ask>,
    /// The item dictionary that completes items; empty: the only one configured, or else `rows`.
    pub item_dictionary: String,
    /// What completes user and context, and items where no item dictionary is configured.
    pub rows: Option<Arc<dyn FeatureRows>>,
    /// When the answer is of no use any more; looked at between tasks.
    pub deadline: Option<Instant>,
    /// Tells that nobody waits any more; looked at between tasks.
    pub cancel: Cancel,
    /// Keeps what the items were scored with; none: nobody wants it.
    pub tap: Option<Arc<Tap>>,
}

/// A flag that the asking side raises when it has left.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Raises it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
