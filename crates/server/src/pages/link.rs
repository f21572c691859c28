//! Addresses of pages, with their values encoded.
//!
//! Templates put them into attributes, where they are escaped once more; here they become addresses.

use std::fmt::Write;

/// A film's page.
pub(super) fn film(id: i64) -> String {
    format!("/movie.html?movieId={id}")
}

/// A user's page, with the model that ranks if one was chosen.
pub(super) fn user(id: i64, model: Option<&str>) -> String {
    match model {
        Some(model) => format!("/user.html?id={id}&model={}", encode(model)),
        None => format!("/user.html?id={id}"),
    }
}

/// A genre's collection.
pub(super) fn genre(name: &str) -> String {
    format!("/collection.html?type=genre&value={}", encode(name))
}

/// Percent-encodes a value for a query.
pub(super) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// The address to go back to, if it is one of this server's own: a path, never another host.
pub(super) fn local(address: &str) -> Option<&str> {
    let own = address.starts_with('/')
        && !address.starts_with("//")
        && address
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
    own.then_some(address)
}

/// `address` with a query parameter set; one of that name that was there is replaced.
pub(super) fn with(address: &str, name: &str, value: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let others = query
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
    let pairs: Vec<&str> = others.collect();
    let kept = if pairs.is_empty() {
        String::new()
    } else {
        format!("{}&", pairs.join("&"))
    };
    format!("{path}?{kept}{name}={}", encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Query;
    use proptest::prelude::*;

    #[test]
    fn only_own_addresses_are_gone_back_to() {
        assert_eq!(
            local("/user.html?id=6&model=emb"),
            Some("/user.html?id=6&model=emb")
        );
        for foreign in [
            "//evil",
            "/\\evil",
            "https://evil/",
            "",
            "user.html",
            "/a\r\nb",
            "/é",
        ] {
            assert_eq!(local(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_parameter_is_replaced() {
        assert_eq!(with("/a?x=1&rated=3&y=2", "rated", "7"), "/a?x=1&y=2&rated=7");
        assert_eq!(with("/a", "rated", "7"), "/a?rated=7");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(value in any::<String>()) {
            let uri: axum::http::Uri = genre(&value).parse().unwrap();
            let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
            prop_assert_eq!(&pairs[1].1, &value);
        }
    }
}
