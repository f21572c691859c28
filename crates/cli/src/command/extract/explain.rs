//! `rankine extract --explain LINE`: one sample, raw value → operator → sign or number → its part in the score, offline and,
//! with `--online URL`, as a running server makes it, side by side.
//!
//! The decision: the server is asked as any client asks it (`/v1/extract`, `/v1/predict`), with every field given, so that what
//! differs is extraction and nothing else.

use anyhow::{Context, bail};
use rankine_feature::{Sample, Side, json};
use rankine_predict::{ExplainedFeature, Explanation};
use serde_json::{Map, Value, json};

use crate::output;

/// Longest content shown in a table.
const WIDEST: usize = 44;

/// Prints an explanation.
///
/// # Errors
/// When it cannot be serialised.
pub(super) fn print(explained: &Explanation, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(&told(explained));
    }
    output::line(&format!("conf \"{}\" {}", explained.conf, explained.conf_hash));
    let fields = explained.fields.iter().map(|field| {
        vec![
            field.name.clone(),
            field.side.name().to_owned(),
            field.ty.clone(),
            short(&field.value),
        ]
    });
    output::line(&output::table(
        &["field", "side", "type", "value"],
        &fields.collect::<Vec<_>>(),
    ));
    output::line("");
    let both = explained.same_bytes.is_some();
    let mut head = vec!["feature", "slot", "operator", "group", "of", "offline"];
    head.extend(both.then_some(["online", ""]).into_iter().flatten());
    head.push("logit");
    let rows: Vec<Vec<String>> = explained
        .features
        .iter()
        .map(|feature| row(feature, both))
        .collect();
    output::line(&output::table(&head, &rows));
    verdict(explained);
    Ok(())
}

fn row(feature: &ExplainedFeature, both: bool) -> Vec<String> {
    let inputs: Vec<String> = feature
        .inputs
        .iter()
        .map(|(name, value)| {
            if value.is_empty() {
                name.clone()
            } else {
                format!("{name} = {value}")
            }
        })
        .collect();
    let mut cells = vec![
        feature.name.clone(),
        feature
            .slot
            .map_or_else(|| "-".to_owned(), |slot| slot.to_string()),
        feature.class.to_owned(),
        feature.group.name().to_owned(),
        short(&inputs.join("; ")),
        short(&feature.offline),
    ];
    if both {
        cells.push(short(feature.online.as_deref().unwrap_or("-")));
        cells.push(if feature.same() { "same" } else { "DIFFERENT" }.to_owned());
    }
    let part = feature.contribution.map(|part| format!("{part:+.4}"));
    cells.push(part.unwrap_or_else(|| "-".to_owned()));
    cells
}

fn short(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn verdict(explained: &Explanation) {
    if let Some(score) = explained.score {
        let online = explained.online_score.map(|score| format!(", online {score}"));
        output::line(&format!("\nscore {score}{}", online.unwrap_or_default()));
    }
    match explained.same_bytes {
        None => {}
        Some(true) => output::line(&format!(
            "{} bytes, the same offline and online",
            explained.bytes.len()
        )),
        Some(false) => output::line(&format!("{} slots differ", explained.differing().count())),
    }
}

fn told(explained: &Explanation) -> Value {
    let field = |field: &rankine_predict::ExplainedField| json!({ "name": field.name, "side": field.side.name(), "type": field.ty, "value": field.value });
    let feature = |feature: &ExplainedFeature| {
        json!({
            "name": feature.name, "slot": feature.slot, "class": feature.class, "group": feature.group.name(),
            "inputs": feature.inputs, "offline": feature.offline, "online": feature.online, "same": feature.same(),
            "contribution": feature.contribution,
        })
    };
    json!({
        "conf": explained.conf, "conf_hash": explained.conf_hash,
        "fields": explained.fields.iter().map(field).collect::<Vec<_>>(),
        "features": explained.features.iter().map(feature).collect::<Vec<_>>(),
        "score": explained.score, "online_score": explained.online_score, "same_bytes": explained.same_bytes,
    })
}

/// Asks a server for the sample's slots and score, and puts them beside.
///
/// # Errors
/// No such server, or it does not serve the model with this conf.
pub(super) fn ask(
    explained: &mut Explanation,
    (url, model): (&str, Option<&str>),
    sample: &Sample,
) -> anyhow::Result<()> {
    let ask = match model {
        Some(model) => json!({ "conf": explained.conf, "models": [model.replace('@', ":")] }),
        None => json!({ "conf": explained.conf }),
    };
    let request = request(sample, &ask);
    let answer = post(&format!("{url}/v1/extract"), &json!({ "request": request }))?;
    let conf = &answer["confs"][0];
    if conf["conf_hash"] != explained.conf_hash {
        bail!(
            "{url} extracts with another conf: expected hash {}, got {conf}",
            explained.conf_hash
        );
    }
    let bytes = conf["items"][0]["canonical"].as_str().and_then(unhex);
    let bytes = bytes.with_context(|| format!("{url}: no slots in {conf}"))?;
    let mut score = None;
    if model.is_some() {
        let answer = post(&format!("{url}/v1/predict"), &request)?;
        let served = answer["confs"][0]["models"][0]["scores"][0].as_f64();
        #[expect(clippy::cast_possible_truncation, reason = "the server wrote an f32")]
        let exact = served.map(|x| x as f32);
        score = exact;
    }
    Ok(explained.beside(&bytes, score)?)
}

/// One user, one item, every field given.
fn request(sample: &Sample, ask: &Value) -> Value {
    let side = |side: Side| -> Map<String, Value> {
        let fields = sample.values().filter(|(field, _)| field.side == side);
        fields
            .map(|(field, value)| (field.name.to_string(), json::print(value)))
            .collect()
    };
    json!({
        "user": side(Side::User), "context": side(Side::Context),
        "items": [{ "id": 0, "fields": side(Side::Item) }], "asks": [ask],
    })
}

fn post(url: &str, body: &Value) -> anyhow::Result<Value> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent: ureq::Agent = config.into();
    let mut response = agent
        .post(url)
        .header("content-type", "application/json")
        .send(body.to_string())?;
    let text = response.body_mut().read_to_string()?;
    if !response.status().is_success() {
        bail!("{url}: {}: {text}", response.status());
    }
    serde_json::from_str(&text).with_context(|| format!("{url}: {text}"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|c| u8::try_from(c.to_digit(16)?).ok());
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let whole = digits.len().is_multiple_of(2);
    whole.then(|| {
        digits
            .chunks_exact(2)
            .map(|pair| pair[0] * 16 + pair[1])
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_and_other_text_is_not() {
        assert_eq!(unhex("00ff7A"), Some(vec![0, 255, 0x7a]));
        assert_eq!((unhex("0"), unhex("0g"), unhex("")), (None, None, Some(vec![])));
    }

    #[test]
    fn long_contents_are_cut() {
        assert_eq!(short("kurz"), "kurz");
        let cut = short(&"é".repeat(100));
        assert!(cut.chars().count() == WIDEST && cut.ends_with('…'));
    }
}
