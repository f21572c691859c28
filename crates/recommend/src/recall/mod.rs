//! Recall: strategies that each fetch some hundred items for a user, and say why.
//!
//! A strategy is one file here and one line in [`all`]. It reads the catalogue, the user's history and the
//! request's snapshot of the item vectors; it never fails, it finds nothing. [`conformance::check`] states the
//! contract as a test that every strategy runs.

pub mod conformance;
mod genre_taste;
mod neighbours;
mod newest;
mod popularity;

pub use genre_taste::GenreTaste;
pub use neighbours::Neighbours;
pub use newest::Newest;
pub use popularity::Popularity;

use crate::catalogue::Catalogue;
use crate::user::UserState;
use crate::vectors::ItemVectors;

/// Name of the strategy that fetches what has come into being since the catalogue was loaded. It asks another process for
/// the vectors of new items, so whoever has that connection asks it and hands the answer in ([`crate::Query::beside`]).
pub const ARRIVALS: &str = "arrivals";

/// What a strategy may look at.
#[derive(Clone, Copy)]
pub struct RecallQuery<'a> {
    /// Items and their statistics.
    pub catalogue: &'a Catalogue,
    /// For whom.
    pub user: &'a UserState,
    /// Item vectors of this request, if any are loaded.
    pub vectors: Option<&'a ItemVectors>,
}

/// Why an item was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Rated well by many.
    Popular,
    /// Among the best of a genre the user likes: its index in [`Catalogue::genres`]. An index and not the name, because
    /// hundreds of candidates would share the name's counter, and so would the cores that serve other requests.
    Genre(usize),
    /// Released lately.
    New,
    /// Close to what the user likes, as a model of both sees it.
    Taste,
    /// New, and close to what the user likes, as a model of both sees it.
    Arrival,
    /// Close to a film in the user's history.
    Like {
        /// That film.
        item: i64,
    },
}

/// An item that a strategy fetched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Item.
    pub item: i64,
    /// The strategy's own score; higher is better; comparable within one strategy's answer only.
    pub score: f32,
    /// Why.
    pub reason: Reason,
}

/// A recall strategy.
///
/// # Contract
/// The answer has at most `n` candidates, each in the catalogue, none seen by the user, none twice; scores never
/// rise along it; the same query gives the same answer.
pub trait Recall: Send + Sync {
    /// Name shown to people and in answers, lower case.
    fn name(&self) -> &'static str;

    /// Whether it takes some tens of microseconds for this query and waits for nothing. If all do, they run in turn on
    /// the request's own thread: handing one to another thread costs more than it does.
    fn is_short(&self, _query: &RecallQuery<'_>) -> bool {
        false
    }

    /// Fetches up to `n` candidates, best first.
    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate>;
}

/// All strategies, in the order in which their candidates are merged.
pub fn all() -> Vec<Box<dyn Recall>> {
    vec![
        Box::new(Neighbours),
        Box::new(GenreTaste),
        Box::new(Popularity),
        Box::new(Newest),
    ]
}

/// f32 of a score, for the answer.
pub(crate) fn narrow(score: f64) -> f32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a score is shown with f32 precision; rounding keeps order"
    )]
    let narrow = score as f32;
    narrow
}
