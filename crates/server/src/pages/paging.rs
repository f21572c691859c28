//! Pages of a long list: which one is asked for, and the addresses of its neighbours.

use super::link;
use super::visit::Visit;
use crate::error::ApiError;

/// Films on one page.
pub(super) const PER_PAGE: usize = 48;
/// The last page that can be asked for.
const MOST: usize = 1_000_000;

/// The place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paging {
    /// This page, from 1.
    pub(super) page: usize,
    /// The last page; at least 1.
    pub(super) last: usize,
    /// The page before.
    pub(super) previous: Option<String>,
    /// The page after.
    pub(super) next: Option<String>,
}

/// The `page` parameter; 1 without one.
///
/// # Errors
/// [`ApiError::Parameter`].
pub(super) fn asked(visit: &Visit) -> Result<usize, ApiError> {
    visit.parameters.size("page", 1, MOST)
}

impl Paging {
    /// The place of `page` among `total` things at `address`.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] for a page after the last.
    pub(super) fn new(page: usize, total: usize, address: &str) -> Result<Self, ApiError> {
        let last = total.div_ceil(PER_PAGE).max(1);
        if page > last {
            return Err(ApiError::not_found("page", page));
        }
        let to = |page: usize| link::with(address, "page", &page.to_string());
        Ok(Paging {
            page,
            last,
            previous: (page > 1).then(|| to(page - 1)),
            next: (page < last).then(|| to(page + 1)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_keep_the_address() {
        let paging = Paging::new(2, PER_PAGE * 2 + 1, "/c?type=genre&page=2").unwrap();
        assert_eq!((paging.page, paging.last), (2, 3));
        assert_eq!(paging.previous.as_deref(), Some("/c?type=genre&page=1"));
        assert_eq!(paging.next.as_deref(), Some("/c?type=genre&page=3"));
    }

    #[test]
    fn the_ends_have_one_neighbour_and_beyond_is_nothing() {
        assert_eq!(Paging::new(1, 0, "/c").unwrap().next, None);
        assert_eq!(Paging::new(1, PER_PAGE, "/c").unwrap().next, None);
        assert!(Paging::new(2, PER_PAGE, "/c").is_err());
    }
}
