//! Paths: `/v1/models/M[/versions/V]` with nothing, `/metadata`, or `:predict` behind. Names may be percent-encoded.

use axum::http::Method;

use super::error::Refusal;

/// Which model, and which version if the path names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Name or alias as asked for.
    pub(super) model: String,
    /// The version asked for.
    pub(super) version: Option<u64>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// `GET /v1/models/M[/versions/V]`
    Status(Target),
    /// `GET /v1/models/M[/versions/V]/metadata`
    Metadata(Target),
    /// `POST /v1/models/M[/versions/V]:predict`
    Predict(Target),
}

/// Reads method and path.
///
/// # Errors
/// 400 `Malformed request: …` as TensorFlow Serving words it; 400 for methods a ranking model does not have.
pub(super) fn parse(method: &Method, path: &str) -> Result<Call, Refusal> {
    let malformed = || Refusal::invalid(format!("Malformed request: {method} {path}"));
    let rest = path
        .get(..10)
        .filter(|head| head.eq_ignore_ascii_case("/v1/models"))
        .ok_or_else(malformed)?;
    let rest = path[rest.len()..].trim_start_matches('/');
    match *method {
        Method::GET if rest.is_empty() => Err(Refusal::invalid("Missing model name in request.".to_owned())),
        Method::GET => {
            let (rest, metadata) = rest
                .strip_suffix("/metadata")
                .map_or((rest, false), |rest| (rest, true));
            let target = target(rest).ok_or_else(malformed)??;
            Ok(if metadata {
                Call::Metadata(target)
            } else {
                Call::Status(target)
            })
        }
        Method::POST => {
            let (rest, verb) = rest.rsplit_once(':').ok_or_else(malformed)?;
            let target = target(rest).ok_or_else(malformed)??;
            match verb.to_ascii_lowercase().as_str() {
                "predict" => Ok(Call::Predict(target)),
                verb @ ("classify" | "regress") => Err(no_signature(verb)),
                _ => Err(malformed()),
            }
        }
        _ => Err(malformed()),
    }
}

/// `M` or `M/versions/V`; `None` is malformed.
fn target(rest: &str) -> Option<Result<Target, Refusal>> {
    let (name, version) = match rest.split_once('/') {
        None => (rest, None),
        Some((name, rest)) => (name, Some(strip_versions(rest)?)),
    };
    let model = decode(name).filter(|name| !name.is_empty() && !name.contains([':', '/']))?;
    match version.map(str::parse) {
        None => Some(Ok(Target { model, version: None })),
        Some(Ok(number)) => Some(Ok(Target {
            model,
            version: Some(number),
        })),
        Some(Err(_)) => {
            let text = format!(
                "Failed to convert version: {} to numeric.",
                version.unwrap_or_default()
            );
            Some(Err(Refusal::invalid(text)))
        }
    }
}

/// The digits behind `versions/`.
fn strip_versions(rest: &str) -> Option<&str> {
    let (head, digits) = rest.split_at_checked(9)?;
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (head.eq_ignore_ascii_case("versions/") && all).then_some(digits)
}

/// Percent-decoding; `None` where it is not UTF-8 or an escape is cut short.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hex(rest.next()?)? << 4 | hex(rest.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn no_signature(verb: &str) -> Refusal {
    Refusal::invalid(format!(
        "Expected {} signature method_name to be tensorflow/serving/{verb}. Was: tensorflow/serving/predict",
        if verb == "classify" {
            "classification"
        } else {
            "regression"
        }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use proptest::prelude::*;

    fn target(model: &str, version: Option<u64>) -> Target {
        Target {
            model: model.into(),
            version,
        }
    }

    #[test]
    fn the_four_paths_and_their_versions() {
        let get = |path| parse(&Method::GET, path).unwrap();
        let post = |path| parse(&Method::POST, path).unwrap();
        assert_eq!(get("/v1/models/rec"), Call::Status(target("rec", None)));
        assert_eq!(
            get("/v1/models/rec/versions/12"),
            Call::Status(target("rec", Some(12)))
        );
        assert_eq!(
            get("/v1/models/rec/metadata"),
            Call::Metadata(target("rec", None))
        );
        assert_eq!(
            get("/v1/models/rec/versions/012/metadata"),
            Call::Metadata(target("rec", Some(12)))
        );
        assert_eq!(post("/v1/models/rec:predict"), Call::Predict(target("rec", None)));
        assert_eq!(
            post("/V1/Models/rec/Versions/3:Predict"),
            Call::Predict(target("rec", Some(3)))
        );
        assert_eq!(
            post("/v1/models/r%C3%A9c:predict"),
            Call::Predict(target("réc", None))
        );
    }

    #[test]
    fn what_is_malformed_says_so() {
        for (method, path) in [
            (Method::POST, "/v1/models/rec"),
            (Method::POST, "/v1/models/rec:explain"),
            (Method::POST, "/v1/models/rec/versions/x:predict"),
            (Method::POST, "/v1/models/:predict"),
            (Method::GET, "/v1/models/rec:predict"),
            (Method::GET, "/v1/models/rec/versions/"),
            (Method::GET, "/v1/models/rec/labels/a"),
            (Method::GET, "/v1/models/r%C3"),
            (Method::PUT, "/v1/models/rec"),
        ] {
            let refusal = parse(&method, path).unwrap_err();
            assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
            assert_eq!(refusal.message(), format!("Malformed request: {method} {path}"));
        }
    }

    #[test]
    fn other_texts_of_tensorflow_serving() {
        let text = |method, path| parse(&method, path).unwrap_err().message().to_owned();
        assert_eq!(text(Method::GET, "/v1/models"), "Missing model name in request.");
        let huge = "/v1/models/rec/versions/99999999999999999999:predict";
        assert_eq!(
            text(Method::POST, huge),
            "Failed to convert version: 99999999999999999999 to numeric."
        );
        assert!(
            text(Method::POST, "/v1/models/rec:classify").starts_with("Expected classification signature")
        );
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "(/v1/models)?\\PC{0,40}", post: bool) {
            let method = if post { Method::POST } else { Method::GET };
            drop(parse(&method, &path));
        }
    }
}
