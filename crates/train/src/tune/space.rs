//! What may vary: choices, evenly drawn numbers, numbers drawn evenly by their logarithm, integers.

use serde::Deserialize;

/// How a number is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// Evenly.
    #[default]
    Uniform,
    /// Evenly by its logarithm.
    Log,
    /// A whole number, evenly.
    Integer,
}

/// What one key may be: `{ choices = [...] }`, or `{ low, high, kind }`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// One of these.
    #[serde(default)]
    choices: Vec<Word>,
    /// At least this.
    #[serde(default)]
    low: Option<f64>,
    /// At most this.
    #[serde(default)]
    high: Option<f64>,
    /// How a number between is drawn.
    #[serde(default)]
    kind: Draw,
}

/// A value of a list of choices; a list is written as text (`"[64, 32]"`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Word {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Choice {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        match (self.choices.is_empty(), self.low, self.high) {
            (false, None, None) => None,
            (true, Some(low), Some(high)) if low > high => {
                Some(format!("`low` is {low}, above `high`, {high}"))
            }
            (true, Some(low), Some(_)) if low <= 0.0 && self.kind == Draw::Log => {
                Some(format!("`low` is {low}; a logarithm needs more than 0"))
            }
            (true, Some(low), Some(high)) if low.is_finite() && high.is_finite() => None,
            _ => Some("expected `choices`, or `low` and `high`".to_owned()),
        }
    }

    /// The value at `share` (0 … 1) of what may be, as TOML.
    pub(super) fn at(&self, share: f64) -> String {
        if let (Some(low), Some(high)) = (self.low, self.high) {
            return match self.kind {
                Draw::Uniform => format!("{:?}", low + (high - low) * share),
                Draw::Log => format!("{:?}", (low.ln() + (high.ln() - low.ln()) * share).exp()),
                Draw::Integer => format!("{:.0}", (low + ((high - low + 1.0) * share).floor()).min(high)),
            };
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a list's length"
        )]
        let place = (share * self.choices.len() as f64) as usize;
        match self.choices.get(place.min(self.choices.len().saturating_sub(1))) {
            Some(Word::Flag(flag)) => flag.to_string(),
            Some(Word::Integer(value)) => value.to_string(),
            Some(Word::Number(value)) => format!("{value:?}"),
            Some(Word::Text(text)) => text.clone(),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(text: &str) -> Choice {
        #[derive(Deserialize)]
        struct File {
            v: Choice,
        }
        rankine_config::parse::<File>(&format!("v = {text}"), "t.toml")
            .unwrap()
            .v
    }

    #[test]
    fn ends_and_middles_of_every_draw() {
        let at = |text: &str| [0.0, 0.5, 0.999_999].map(|share| choice(text).at(share));
        assert_eq!(
            at("{ choices = [1, 2.5, true, \"[64, 32]\"] }"),
            ["1", "true", "[64, 32]"]
        );
        assert_eq!(at("{ low = 2, high = 4, kind = \"integer\" }"), ["2", "3", "4"]);
        assert_eq!(at("{ low = 0.0, high = 1.0 }")[..2], ["0.0", "0.5"]);
        let log = choice("{ low = 0.0001, high = 1.0, kind = \"log\" }").at(0.5);
        assert!((log.parse::<f64>().unwrap() - 0.01).abs() < 1e-9, "{log}");
    }

    #[test]
    fn half_a_range_is_a_fault() {
        assert!(choice("{ low = 1.0 }").fault().is_some());
        assert!(
            choice("{ low = 0.0, high = 1.0, kind = \"log\" }")
                .fault()
                .is_some()
        );
        assert!(choice("{ choices = [1], low = 0.0 }").fault().is_some());
        assert_eq!(choice("{ choices = [1] }").fault(), None);
    }
}
