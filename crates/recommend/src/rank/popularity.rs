//! The `popularity` ranker: the smoothed rating, the same for everybody.
//!
//! The baseline every trained model is compared with, and the answer where no other can rank.

use super::{RankError, RankRequest, Ranker, Ranking};
use crate::catalogue::Catalogue;
use crate::recall::narrow;
use std::sync::Arc;

/// See the module.
pub struct PopularityRanker {
    catalogue: Arc<Catalogue>,
}

impl PopularityRanker {
    /// A ranker over the catalogue's live statistics.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        PopularityRanker { catalogue }
    }
}

impl Ranker for PopularityRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let scores = self
            .catalogue
            .smoothed(request.items)
            .into_iter()
            .map(narrow)
            .collect();
        Ok(Ranking {
            scores,
            model: "popularity".to_owned(),
            version: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::conformance::check;
    use crate::recall::conformance::world;

    #[test]
    fn conforms() {
        check(&PopularityRanker::new(world().catalogue), "popularity");
    }
}
