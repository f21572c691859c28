//! Query parameters: read by name, with a fault that says which, what was expected and what came.
//!
//! Not a derived struct, because serde's own message names neither the range nor the value.

use crate::error::{ApiError, ID};
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;

/// The parameters of a request; of several with one name the first counts.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Parameters(pairs)),
            Err(_) => Err(ApiError::parameter(
                "query",
                "name=value pairs joined by &",
                parts.uri.query(),
            )),
        }
    }
}

impl Parameters {
    /// The fields of a form that a page sent as a body (`application/x-www-form-urlencoded`).
    pub(crate) fn of_form(body: &[u8]) -> Result<Self, ApiError> {
        let text = String::from_utf8_lossy(body);
        let fault = || ApiError::parameter("body", "name=value pairs joined by &", Some(&text));
        let uri: Uri = format!("/?{text}").parse().map_err(|_| fault())?;
        let Query(pairs) = Query::try_from_uri(&uri).map_err(|_| fault())?;
        Ok(Parameters(pairs))
    }

    /// A parameter's text, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter's text, which must be there and not be blank.
    pub(crate) fn required(&self, name: &str, expected: &str) -> Result<&str, ApiError> {
        let text = self.text(name);
        text.filter(|t| !t.trim().is_empty())
            .ok_or_else(|| ApiError::parameter(name, expected, text))
    }

    /// An id.
    pub(crate) fn id(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.required(name, ID)?;
        let id = text.trim().parse().ok().filter(|&id: &i64| id >= 0);
        id.ok_or_else(|| ApiError::parameter(name, ID, Some(text)))
    }

    /// A number of things from 1 to `most`, or the default.
    pub(crate) fn size(&self, name: &str, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(default.min(most));
        };
        let size = text.trim().parse().ok().filter(|size| (1..=most).contains(size));
        size.ok_or_else(|| ApiError::parameter(name, format!("an integer from 1 to {most}"), Some(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn ids_are_integers_from_zero() {
        assert_eq!(parameters(&[("id", " 6 ")]).id("id"), Ok(6));
        for bad in ["", "x", "6.5", "-1", "99999999999999999999"] {
            let fault = parameters(&[("id", bad)]).id("id").unwrap_err();
            assert_eq!(fault.body()["error"]["got"], bad);
        }
        assert_eq!(
            parameters(&[]).id("id").unwrap_err().body()["error"]["got"],
            "nothing"
        );
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(parameters(&[]).size("size", 10, 500), Ok(10));
        assert_eq!(parameters(&[("size", "500")]).size("size", 10, 500), Ok(500));
        for bad in ["0", "501", "-3", "many", ""] {
            assert!(
                parameters(&[("size", bad)]).size("size", 10, 500).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_form_is_read_like_a_query() {
        let form = Parameters::of_form(b"user=6&item=52&back=%2Fuser.html%3Fid%3D6&note=a+b").unwrap();
        assert_eq!((form.id("user"), form.id("item")), (Ok(6), Ok(52)));
        assert_eq!(
            (form.text("back"), form.text("note")),
            (Some("/user.html?id=6"), Some("a b"))
        );
        assert_eq!(Parameters::of_form(b"").unwrap().text("user"), None);
        assert!(Parameters::of_form(b"a b\xff").is_err());
    }

    #[test]
    fn the_first_of_several_counts() {
        assert_eq!(parameters(&[("id", "1"), ("id", "2")]).id("id"), Ok(1));
    }
}
