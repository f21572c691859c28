//! Which keys mean something to which kind: one table, asked by every reader of a model file (`check`, `train`, `--set`,
//! `--print-config`).
//!
//! Decision: a key that a kind never reads is a fault. Silence would let somebody tune a number that nothing depends on. What a
//! published artefact says is not asked again: it was trained so. Parts (`wide`, `tower`, …) are the concern of
//! [`super::check`], which also knows which of them a kind needs.

use rankine_config::{Fault, Source};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Kind, ModelConfig};

/// Whether a key means something to a kind.
type Means = fn(Kind) -> bool;

/// Keys, and the kinds they mean something to. What stands below a key follows it.
const KEYS: [(&str, Means); 26] = [
    ("loss", |kind| kind.is_network() || kind.is_linear()),
    ("activation", Kind::is_network),
    ("norm", Kind::is_network),
    ("init", Kind::is_network),
    ("metrics", |kind| kind != Kind::Item2Vec),
    ("dropout", Kind::is_network),
    ("optimizer.embedding", Kind::is_network),
    ("optimizer.dense", Kind::is_network),
    ("optimizer.wide", Kind::is_network),
    ("optimizer.linear", Kind::is_linear),
    ("optimizer.factor", |kind| matches!(kind, Kind::Fm | Kind::Ffm)),
    ("train.batch", Kind::is_network),
    ("train.average", Kind::is_network),
    ("train.shuffle_buffer", Kind::is_network),
    ("train.checkpoint", |kind| !kind.is_closed()),
    ("train.keep_optimizer", |kind| {
        kind.is_network() || kind.is_linear() || matches!(kind, Kind::Walk | Kind::Item2Vec)
    }),
    ("train.freeze", Kind::is_network),
    ("train.rename", Kind::is_network),
    ("train.clip", Kind::is_network),
    ("train.epochs", |kind| kind != Kind::Item2Vec && !kind.is_closed()),
    ("train.refit", |kind| kind != Kind::Item2Vec),
    ("train.threads", |kind| {
        kind.is_network() || kind.is_linear() || matches!(kind, Kind::Ials | Kind::Ease)
    }),
    ("item2vec", |kind| kind == Kind::Item2Vec),
    ("gate", |kind| kind != Kind::Item2Vec),
    ("train", |kind| kind.is_network() || kind.is_linear()),
    ("optimizer", |kind| kind.is_network() || kind.is_linear()),
];

impl Kind {
    /// Returns whether it is a network, learnt in batches: neither linear, nor of who met what, nor vectors alone.
    #[must_use]
    pub fn is_network(self) -> bool {
        self != Kind::Item2Vec && !self.is_linear() && !self.is_matrix()
    }

    /// Returns whether it is computed at once, without epochs.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Kind::Ease | Kind::ItemKnn | Kind::Popularity)
    }

    /// Returns whether a key (its path) means something to it, as far as the table knows.
    #[must_use]
    pub fn reads(self, path: &[&str]) -> bool {
        let path = path.join(".");
        let below = |key: &str| {
            path.strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let entry = KEYS.iter().find(|(key, _)| below(key));
        entry.is_none_or(|(_, means)| means(self))
    }

    /// What it learns by instead.
    fn instead(self) -> &'static str {
        if self.is_linear() {
            "it learns sample by sample, with its optimiser's own rates"
        } else if self == Kind::Item2Vec {
            "it learns by the keys of `item2vec`"
        } else if self.is_closed() {
            "it is computed at once, by the keys of `matrix`"
        } else if self.is_matrix() {
            "it learns by the keys of `matrix`"
        } else {
            "it is a network, whose parts are `optimizer.embedding`, `dense` and `wide`"
        }
    }
}

/// Adds a fault for every key of `config` that means nothing to its kind.
pub(super) fn check(config: &ModelConfig, faults: &mut Vec<Fault>) {
    let source = config.source();
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if errors.is_empty() {
        walk(table.get_ref(), &mut Vec::new(), (config.kind(), &source), faults);
    }
}

/// Looks below tables of which the table names keys, at everything else as a whole.
fn walk<'t>(
    table: &'t DeTable<'_>,
    path: &mut Vec<&'t str>,
    of: (Kind, &Source<'_>),
    faults: &mut Vec<Fault>,
) {
    for (name, value) in table {
        path.push(name.get_ref());
        let head = format!("{}.", path.join("."));
        if let DeValue::Table(below) = value.get_ref()
            && KEYS.iter().any(|(key, _)| key.starts_with(&head))
        {
            walk(below, path, of, faults);
        } else {
            faults.extend(refused(path, value, of).or_else(|| none_named(path, value, of.1)));
        }
        path.pop();
    }
}

/// The fault of a key that the kind does not read.
fn refused(
    path: &[&str],
    value: &Spanned<DeValue<'_>>,
    (kind, source): (Kind, &Source<'_>),
) -> Option<Fault> {
    if kind.reads(path) {
        return None;
    }
    let key = path.join(".");
    let why = match key.as_str() {
        "train.threads" => "it learns on one thread",
        "gate" => "it ranks nothing",
        _ => kind.instead(),
    };
    let message = format!("kind `{}` has no `{key}`; {why}", kind.name());
    Some(source.fault(value.span(), path.last().unwrap_or(&""), message))
}

/// The fault of a list of metrics that names none, which would say the same as no list.
fn none_named(path: &[&str], value: &Spanned<DeValue<'_>>, source: &Source<'_>) -> Option<Fault> {
    let empty = matches!(value.get_ref(), DeValue::Array(names) if names.is_empty());
    let message = "expected at least one metric, got none: name one, or leave `metrics` out for all";
    (path == ["metrics"] && empty).then(|| source.fault(value.span(), "metrics", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        match ModelConfig::parse(text, "m.toml") {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn keys_that_a_kind_never_reads_are_faults_that_name_both() {
        let ease = "format = 1\nkind = \"ease\"\nconf = \"c\"\nmatrix = { item = 2, history = 3 }\n";
        assert_eq!(
            faults(&format!("{ease}train = {{ threads = 2, refit = true }}\n")),
            [""; 0]
        );
        let more = "loss = \"mse\"\noptimizer.dense = { lr = 0.1 }\n[train]\nbatch = 3\nepochs = 2\n\
                    early_stop = { patience = 1 }\ncheckpoint = { steps = 3 }\n";
        let why = "it is computed at once, by the keys of `matrix`";
        let said = |place: &str, key: &str| format!("m.toml:{place}: kind `ease` has no `{key}`; {why}");
        assert_eq!(
            faults(&format!("{ease}{more}")),
            [
                said("5:8", "loss"),
                said("6:19", "optimizer.dense"),
                said("8:9", "train.batch"),
                said("9:10", "train.epochs"),
                said("10:14", "train.early_stop"),
                said("11:14", "train.checkpoint"),
            ]
        );
        let lr = "format = 1\nkind = \"lr\"\nconf = \"c\"\nlinear = { slots = [1] }\n";
        let train = "train = { epochs = 2, shuffle = false, cache = \"keep\", checkpoint = { steps = 1 }, batch = 4 }\n";
        let found = faults(&format!("{lr}{train}optimizer.factor = {{ lr = 1.0 }}\n"));
        assert!(
            found.len() == 2 && found[0].contains("no `train.batch`"),
            "{found:?}"
        );
        let item2vec = "format = 1\nkind = \"item2vec\"\ntrain = { epochs = 3 }\n";
        assert_eq!(
            faults(item2vec),
            ["m.toml:3:20: kind `item2vec` has no `train.epochs`; it learns by the keys of `item2vec`"]
        );
        let deep = "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = { slots = [1] }\nitem2vec = { dim = 4 }\n";
        assert!(faults(deep)[0].contains("kind `embeddingmlp` has no `item2vec`"));
    }

    #[test]
    fn a_list_of_metrics_that_names_none_is_refused() {
        let lr = "format = 1\nkind = \"lr\"\nconf = \"c\"\nlinear = { slots = [1] }\n";
        assert_eq!(
            faults(&format!("{lr}metrics = []\n")),
            ["m.toml:5:11: expected at least one metric, got none: name one, or leave `metrics` out for all"]
        );
        assert_eq!(faults(&format!("{lr}metrics = [\"auc\"]\n")), [""; 0]);
        assert_eq!(faults(lr), [""; 0]);
    }

    #[test]
    fn what_was_published_is_read_all_the_same() {
        let lr = "format = 1\nkind = \"lr\"\nconf = \"c\"\nlinear = { slots = [1] }\n";
        let ftrl = "optimizer.dense.kind = \"ftrl\"\ntrain.lr_decay = 0.5\n";
        for text in [
            format!("{lr}train = {{ batch = 4 }}\n"),
            format!("{lr}metrics = []\n"),
            format!(
                "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = {{ slots = [1] }}\nhidden = [2]\n{ftrl}"
            ),
        ] {
            assert_eq!(faults(&text).len(), 1, "{text}");
            assert_eq!(
                ModelConfig::parse_published(&text, "m.toml").unwrap().text(),
                text
            );
        }
    }
}
