//! Catalogue, recall strategies, merge, filters, ranking ports: from a user to a short list of films with reasons.
//!
//! The flow is `UserState` → recall strategies ([`recall`], in parallel where one takes long) → [`merge`] → a [`rank::Ranker`] →
//! the `n` best ([`Recommender`]). The crate knows neither feature plans nor models: it hands ids and a time to a
//! ranker and gets scores, so a ranker may be a list, a vector product, a model in process or another machine.
//!
//! ```
//! use rankine_recommend::{Action, Catalogue, Item, Query, Quotas, Recommender, UserState};
//! use rankine_recommend::rank::PopularityRanker;
//! use std::sync::Arc;
//!
//! let film = |id: i64, title: &str| Item::new(id, title).with_year(1995).with_genres(&["Drama"]);
//! let ratings = [(1, 5.0), (2, 2.0), (3, 4.0)];
//! let catalogue = Arc::new(Catalogue::new(vec![film(1, "Heat"), film(2, "Casino"), film(3, "Clueless")], ratings));
//! let mut user = UserState::new(6);
//! user.observe(&catalogue, 1, Action::Rating(5.0));
//! let recommender = Recommender::new(catalogue.clone(), Quotas::default());
//! let query = Query { user: &user, vectors: None, beside: &[], model: "popularity", coarse: None, n: 10, as_of: 0 };
//! let answer = recommender.recommend(&query, &PopularityRanker::new(catalogue)).unwrap();
//! assert_eq!(answer.shown.iter().map(|s| s.item).collect::<Vec<_>>(), [3, 2]);
//! ```

mod board;
mod catalogue;
mod error;
mod explore;
mod item;
pub mod merge;
pub mod rank;
pub mod recall;
mod recommender;
pub mod similar;
mod user;
mod vectors;

pub use catalogue::{Catalogue, Order, Shelf, Stats};
pub use error::RecommendError;
pub use explore::Explore;
pub use item::Item;
pub use recommender::{Coarse, Query, Quotas, Recommendation, Recommender, Shown};
pub use user::{Action, POSITIVE, UserState};
pub use vectors::{ItemVectors, Neighbour};
