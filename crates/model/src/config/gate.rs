//! `gate`: what a new version may lose against the one that serves; one that loses more is not published (`rankine train`).
//!
//! Decision: the margin has no default. How much of a list may be lost overnight is a matter of the business, and a gate whose
//! margin nobody stated stops nothing or everything.

use super::ModelConfig;
use super::check::Checker;
use rankine_config::Located;
use serde::{Deserialize, Serialize};

/// Places of a list that count where the file does not say.
const K: usize = 10;

/// The figure of lists that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum GateMetric {
    /// Share of what a user likes that the list has.
    #[default]
    Recall,
    /// Share of lists with anything liked.
    HitRate,
    /// How well lists are ordered.
    Ndcg,
}

impl GateMetric {
    /// Returns the name that people read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GateMetric::Recall => "recall",
            GateMetric::HitRate => "hit rate",
            GateMetric::Ndcg => "NDCG",
        }
    }
}

/// The items or users whose lists are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum GateSplit {
    /// Items that no learnt sample has.
    #[default]
    ColdItems,
    /// All other items.
    WarmItems,
    /// Items that few users met.
    RareItems,
    /// All other items.
    FrequentItems,
    /// Users who have no learnt sample.
    NewUsers,
    /// All other users.
    KnownUsers,
    /// Everything.
    All,
}

/// `gate` as a file has it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateConfig {
    /// What the figure may lose.
    pub margin: Located<f64>,
    /// The figure.
    #[serde(default)]
    pub metric: GateMetric,
    /// Places of a list that count; 10 unless given.
    #[serde(default)]
    pub k: Option<Located<usize>>,
    /// What is ranked; where the held-out samples have nothing of it, everything.
    #[serde(default)]
    pub split: GateSplit,
}

/// What a new version may lose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// Of the figure.
    pub margin: f64,
    /// The figure.
    pub metric: GateMetric,
    /// Places of a list that count.
    pub k: usize,
    /// What is ranked.
    pub split: GateSplit,
}

impl Gate {
    /// A gate of this margin, all else as where a file does not say.
    #[must_use]
    pub fn of(margin: f64) -> Gate {
        Gate {
            margin,
            metric: GateMetric::default(),
            k: K,
            split: GateSplit::default(),
        }
    }
}

impl ModelConfig {
    /// Returns the file's gate; none where it has none.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        self.gate.as_ref().map(|gate| Gate {
            margin: gate.margin.value,
            metric: gate.metric,
            k: gate.k.as_ref().map_or(K, |k| k.value),
            split: gate.split,
        })
    }
}

impl Checker<'_> {
    /// Numbers of the gate.
    pub(super) fn gate(&mut self) {
        let Some(gate) = &self.config.gate else { return };
        self.within(&gate.margin, "margin", (0.0, 1.0));
        if let Some(k) = &gate.k {
            self.within(k, "k", (1, 1_000_000));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EASE: &str = "format = 1\nkind = \"ease\"\nconf = \"c\"\nmatrix = { item = 2, history = 3 }\n";

    fn read(rest: &str) -> Result<ModelConfig, Vec<String>> {
        let told = |faults: rankine_config::Faults| faults.0.iter().map(ToString::to_string).collect();
        ModelConfig::parse(&format!("{EASE}{rest}"), "m.toml").map_err(told)
    }

    #[test]
    fn a_margin_is_enough_and_the_rest_is_printed() {
        let config = read("gate = { margin = 0.02 }\n").unwrap();
        assert_eq!(config.gate(), Some(Gate::of(0.02)));
        let text = config.effective();
        for line in [
            "metric = \"recall\"",
            "k = 10",
            "split = \"cold_items\"",
            "margin = 0.02",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let all = "[gate]\nmargin = 0.1\nmetric = \"ndcg\"\nk = 5\nsplit = \"new_users\"\n";
        let gate = Gate {
            margin: 0.1,
            metric: GateMetric::Ndcg,
            k: 5,
            split: GateSplit::NewUsers,
        };
        assert_eq!(read(all).unwrap().gate(), Some(gate));
        assert_eq!(read("").unwrap().gate(), None);
    }

    #[test]
    fn faults_name_the_key_and_what_was_expected() {
        let faults = |rest: &str| read(rest).unwrap_err().join("\n");
        let of_both = faults("gate = { margin = 1.5, k = 0 }\n");
        assert!(
            of_both.contains("m.toml:5:19: `margin` is 1.5, expected 0 to 1"),
            "{of_both}"
        );
        assert!(of_both.contains("`k` is 0, expected 1 to 1000000"), "{of_both}");
        assert!(faults("gate = { k = 3 }\n").contains("margin"), "no margin");
        let typo = faults("gate = { margin = 0.1, splt = \"all\" }\n");
        assert!(typo.contains("did you mean `split`?"), "{typo}");
        assert!(faults("gate = { margin = 0.1, split = \"cold\" }\n").contains("cold_items"));
    }

    #[test]
    fn what_ranks_nothing_has_no_gate() {
        let text = "format = 1\nkind = \"item2vec\"\ngate = { margin = 0.1 }\n";
        let faults = ModelConfig::parse(text, "m.toml").unwrap_err().to_string();
        assert!(
            faults.contains("kind `item2vec` has no `gate`; it ranks nothing"),
            "{faults}"
        );
    }
}
