//! What surrounds every page: title, search box, who one is, navigation.

use askama::Template;

use crate::error::ApiError;

/// Values of the base template.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shell {
    /// Title of the window.
    pub(super) title: String,
    /// The user in whose name films are rated; none while nobody is known.
    pub(super) visitor: Option<i64>,
    /// Text in the search box.
    pub(super) query: String,
    /// Name of the page in the navigation: `index`, `user`, `status`, or empty.
    pub(super) here: &'static str,
}

impl Shell {
    /// A shell without a user.
    pub(super) fn plain(title: &str) -> Self {
        Shell {
            title: title.to_owned(),
            ..Shell::default()
        }
    }

    /// A shell for a visitor.
    pub(super) fn new(title: impl Into<String>, visitor: Option<i64>, here: &'static str) -> Self {
        Shell {
            title: title.into(),
            visitor,
            here,
            ..Shell::default()
        }
    }
}

/// Fills a page.
///
/// # Errors
/// [`ApiError::Internal`] with the template's reason.
pub(super) fn render(page: &impl Template) -> Result<String, ApiError> {
    page.render().map_err(|error| ApiError::Internal {
        cause: error.to_string(),
    })
}
