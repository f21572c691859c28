//! The effective model file: what was given, and beside it every default that stands for what was not.
//!
//! Flow: `train --print-config` and reports. Decision: every default is tried in place, one after another, and stays only
//! where the file reads without fault; what a kind refuses is thus left out by the very checks that refuse it.

use super::objective::{PartConfig, RankNetConfig, SoftmaxConfig};
use super::{
    ActivationName, AttentionConfig, CombineName, CrossConfig, Init, Kind, LinearOptimizer, MatrixConfig,
    Mix, ModelConfig, ObjectiveConfig, ObjectiveKind, OptimizerSettings, SolverName,
};
use crate::tower::Combination;
use rankine_config::Located;
use toml::{Table, Value};

/// Standard deviation of first embedding weights where the model file gives none.
pub const DEVIATION: f64 = 0.03;

/// The keys that stand first, in this order; the rest follows by name, tables last.
const FIRST: [&str; 6] = ["format", "kind", "conf", "label", "labels", "seed"];

impl ModelConfig {
    /// Returns the file as TOML with all defaults that mean something to its kind; it reads back as the same model.
    #[must_use]
    pub fn effective(&self) -> String {
        let Ok(mut given) = self.text.parse::<Table>() else {
            return self.text.clone();
        };
        let full = Table::try_from(self.filled()).unwrap_or_default();
        let mut defaults = Vec::new();
        leaves(&Value::Table(full), &mut Vec::new(), &mut defaults);
        defaults.retain(|(path, _)| self.concerns(path));
        // a key may be refused until another one stands: `initial` before `kind = "adagrad"`
        while self.put_some(&mut given, &mut defaults) {}
        printed(&given)
    }

    /// Puts the defaults in place that the file takes, and keeps the others; says whether both there are.
    fn put_some(&self, given: &mut Table, defaults: &mut Vec<(Vec<String>, Value)>) -> bool {
        let before = defaults.len();
        defaults.retain(|(path, value)| {
            let mut tried = given.clone();
            let free = add(&mut tried, path, value.clone());
            let taken = free && ModelConfig::parse(&tried.to_string(), &self.file).is_ok();
            if taken {
                *given = tried;
            }
            free && !taken
        });
        defaults.len() < before && !defaults.is_empty()
    }

    /// Whether a key means anything to the file: the kind reads it, and what it moves is there.
    fn concerns(&self, path: &[String]) -> bool {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let moved = match path[..] {
            ["optimizer", "wide", ..] => self.wide.is_some() || self.bias.is_some(),
            ["optimizer", "embedding", ..] => {
                !self.embedding.is_empty() || self.gmf.is_some() || self.wide.is_some()
            }
            ["objective", key, ..] => self.kind().is_two_sided() && self.objective().kind.reads(key),
            _ => true,
        };
        moved && self.kind().reads(&path)
    }

    /// The same with every default that is a plain value in its place.
    fn filled(&self) -> ModelConfig {
        let mut full = self.clone();
        let at = &self.format.span;
        let l2 = self.optimizer.embedding.l2();
        for embedding in &mut full.embedding {
            fill(&mut embedding.l2, l2, at);
            fill(&mut embedding.init, Init::normal(DEVIATION), at);
        }
        if let Some(gmf) = &mut full.gmf {
            fill(&mut gmf.l2, l2, at);
            fill(&mut gmf.init, Init::normal(DEVIATION), at);
        }
        let wide_l2 = self.optimizer.wide().l2();
        full.wide
            .iter_mut()
            .for_each(|wide| fill(&mut wide.l2, wide_l2, at));
        full.bias
            .iter_mut()
            .for_each(|bias| fill(&mut bias.l2, wide_l2, at));
        fill(&mut full.init, self.init(), at);
        fill(&mut full.dropout.input, 0.0, at);
        fill(&mut full.dropout.hidden, 0.0, at);
        optimizer(&mut full.optimizer.embedding, at);
        optimizer(&mut full.optimizer.dense, at);
        let mut wide = self.optimizer.wide().clone();
        optimizer(&mut wide, at);
        full.optimizer.wide = Some(wide);
        self.fill_linear(&mut full);
        self.fill_train(&mut full);
        self.fill_parts(&mut full);
        self.fill_towers(&mut full);
        self.fill_objective(&mut full);
        if let (Some(gate), Some(own)) = (&mut full.gate, self.gate()) {
            fill(&mut gate.k, own.k, at);
        }
        full
    }

    /// How vectors meet: what stands for an absent key is the kind's.
    fn fill_towers(&self, full: &mut ModelConfig) {
        let (at, kind) = (&self.format.span, self.kind());
        let Some(towers) = &mut full.tower else { return };
        let temperature = towers.temperature(kind);
        fill(&mut towers.temperature, temperature, at);
        towers.combine = Some(match towers.combination(kind) {
            Combination::Dot => CombineName::Dot,
            Combination::Cosine => CombineName::Cosine,
            Combination::Product => CombineName::Product,
            Combination::Concat => CombineName::Concat,
        });
        for tower in [
            Some(&mut towers.user),
            Some(&mut towers.item),
            towers.context.as_mut(),
        ] {
            let preference = tower.and_then(|tower| tower.preference.as_mut());
            preference.into_iter().for_each(|preference| {
                let dropout = preference.dropout();
                fill(&mut preference.dropout, dropout, at);
            });
        }
    }

    /// What it is taught by; keys that the objective does not read are left out by `concerns`.
    fn fill_objective(&self, full: &mut ModelConfig) {
        let (at, own) = (&self.format.span, self.objective());
        if !self.kind().is_two_sided() {
            return;
        }
        let objective = full.objective.get_or_insert(ObjectiveConfig {
            kind: located(own.kind, at),
            negatives: None,
            draw: own.draw,
            hard: None,
            logq: None,
            hits: own.hits,
            margin: None,
            regression: None,
            sigmoid: None,
            ranknet: None,
            softmax: None,
            user: None,
            item: None,
        });
        fill(&mut objective.negatives, own.negatives, at);
        fill(&mut objective.margin, own.margin, at);
        objective.logq = Some(own.logq);
        fill_mix(objective, &own.mix, at);
    }

    fn fill_linear(&self, full: &mut ModelConfig) {
        let (at, rule) = (&self.format.span, self.linear_rule());
        if let Some(linear) = &mut full.linear {
            fill(&mut linear.init, 0.1, at);
        }
        linear_optimizer(&mut full.optimizer.linear, at);
        fill(&mut full.optimizer.factor.lr, rule.factor.rate, at);
        let kind = self.optimizer.linear.kind;
        if kind.reads("l1") {
            fill(&mut full.optimizer.factor.l1, rule.factor.l1, at);
        }
        if kind.reads("l2") {
            fill(&mut full.optimizer.factor.l2, rule.factor.l2, at);
        }
    }

    fn fill_train(&self, full: &mut ModelConfig) {
        let (at, train) = (&self.format.span, &self.train);
        fill(&mut full.train.batch, train.batch(), at);
        fill(&mut full.train.epochs, train.epochs(), at);
        fill(&mut full.train.lr_decay, train.lr_decay(), at);
        fill(&mut full.train.average, train.average(), at);
        fill(&mut full.train.threads, train.threads(), at);
        fill(&mut full.train.cache, train.cache(), at);
        fill(&mut full.train.shuffle_buffer, train.shuffle_buffer(), at);
        if let Some(checkpoint) = &mut full.train.checkpoint {
            fill(&mut checkpoint.keep, 2, at);
            if checkpoint.steps.is_none() {
                fill(&mut checkpoint.minutes, 10.0, at);
            }
        }
        if let Some(schedule) = &mut full.train.schedule {
            fill(&mut schedule.warmup, 0, at);
            fill(&mut schedule.every, 1, at);
            fill(&mut schedule.factor, 0.1, at);
            fill(&mut schedule.floor, 0.0, at);
        }
    }

    fn fill_parts(&self, full: &mut ModelConfig) {
        let at = &self.format.span;
        if self.kind() == Kind::AutoInt {
            let attention = full.attention.get_or_insert(AttentionConfig {
                layers: None,
                heads: None,
                dim: None,
            });
            fill(&mut attention.layers, 2, at);
            fill(&mut attention.heads, 2, at);
            fill(&mut attention.dim, 8, at);
        }
        if self.kind() == Kind::Dcn {
            let cross = full.cross.get_or_insert(CrossConfig {
                layers: None,
                rank: None,
            });
            fill(&mut cross.layers, 3, at);
        }
        if let Some(history) = &mut full.history {
            fill(&mut history.length, 50, at);
            fill(&mut history.hidden, 36, at);
            fill(&mut history.activation, ActivationName::Sigmoid, at);
            fill(&mut history.auxiliary, 1.0, at);
        }
        if let Some(task) = full.task.as_mut().filter(|task| task.weights.is_empty()) {
            task.weights = self.labels.iter().map(|_| located(1.0, at)).collect();
        }
        if let Some(experts) = &mut full.experts {
            fill(&mut experts.shared, 4, at);
            fill(&mut experts.own, 2, at);
            fill(&mut experts.levels, 2, at);
        }
        if let Some(matrix) = &mut full.matrix {
            fill_matrix(matrix, self.kind(), at);
        }
    }
}

/// Fills the numbers of a matrix kind; what the kind does not have is refused where it is tried.
fn fill_matrix(matrix: &mut MatrixConfig, kind: Kind, at: &std::ops::Range<usize>) {
    let given = matrix.clone();
    fill(&mut matrix.positive, given.positive(), at);
    fill(&mut matrix.dim, given.dim(), at);
    fill(&mut matrix.unobserved, given.unobserved(), at);
    fill(&mut matrix.reg, given.reg(kind), at);
    fill(&mut matrix.exponent, given.exponent(), at);
    fill(&mut matrix.confidence, given.confidence(), at);
    fill(&mut matrix.solver, given.solver(), at);
    if given.solver() == SolverName::Cg {
        fill(&mut matrix.steps, given.steps(), at);
    }
    fill(&mut matrix.fold_in, given.fold_in(), at);
    fill(&mut matrix.init, given.init(), at);
    fill(&mut matrix.lr, given.lr(kind), at);
    fill(&mut matrix.shrink, given.shrink(), at);
    fill(&mut matrix.neighbours, given.neighbours(kind), at);
    fill(&mut matrix.graph, given.graph(), at);
    fill(&mut matrix.walks, given.walks(), at);
    fill(&mut matrix.length, given.length(), at);
    fill(&mut matrix.window, given.window(), at);
    fill(&mut matrix.negatives, given.negatives(), at);
    fill(&mut matrix.p, given.back(), at);
    fill(&mut matrix.q, given.out(), at);
}

/// Fills the losses that are in a mix.
fn fill_mix(objective: &mut ObjectiveConfig, own: &Mix, at: &std::ops::Range<usize>) {
    if objective.kind.value != ObjectiveKind::Mix {
        return;
    }
    let part = |weight: f64| {
        (weight > 0.0).then(|| PartConfig {
            weight: Some(located(weight, at)),
        })
    };
    objective.regression = part(own.regression);
    objective.sigmoid = part(own.sigmoid);
    objective.ranknet = (own.ranknet > 0.0).then(|| RankNetConfig {
        weight: Some(located(own.ranknet, at)),
        same_user: own.same_user,
    });
    objective.softmax = (own.softmax > 0.0).then(|| SoftmaxConfig {
        weight: Some(located(own.softmax, at)),
        margin: Some(located(own.margin, at)),
        gamma: Some(located(own.gamma, at)),
        support: Some(located(own.support, at)),
        negatives: own.negatives.map(|negatives| located(negatives, at)),
    });
}

/// Fills an optimiser's settings.
fn optimizer(settings: &mut OptimizerSettings, at: &std::ops::Range<usize>) {
    let (lr, l2) = (settings.lr(), settings.l2());
    fill(&mut settings.lr, lr, at);
    fill(&mut settings.l2, l2, at);
    let (kind, own) = (settings.kind, settings.clone());
    let numbers = [
        ("momentum", &mut settings.momentum, own.momentum()),
        ("decay", &mut settings.decay, own.decay()),
        ("initial", &mut settings.initial, own.initial()),
        ("epsilon", &mut settings.epsilon, own.epsilon()),
        ("l1", &mut settings.l1, own.l1()),
        ("beta", &mut settings.beta, own.beta()),
    ];
    for (_, place, value) in numbers.into_iter().filter(|(key, ..)| kind.reads(key)) {
        fill(place, value, at);
    }
}

/// Fills the settings of a linear kind's rule.
fn linear_optimizer(settings: &mut LinearOptimizer, at: &std::ops::Range<usize>) {
    let (kind, own) = (settings.kind, settings.clone());
    let numbers = [
        ("lr", &mut settings.lr, own.lr()),
        ("l1", &mut settings.l1, 0.0),
        ("l2", &mut settings.l2, 0.0),
        ("momentum", &mut settings.momentum, own.momentum()),
        ("decay", &mut settings.decay, own.decay()),
        ("initial", &mut settings.initial, own.initial()),
        ("beta", &mut settings.beta, own.beta()),
    ];
    for (_, place, value) in numbers.into_iter().filter(|(key, ..)| kind.reads(key)) {
        fill(place, value, at);
    }
}

fn located<T>(value: T, at: &std::ops::Range<usize>) -> Located<T> {
    Located {
        value,
        span: at.clone(),
    }
}

/// Puts a value where there is none.
fn fill<T>(place: &mut Option<Located<T>>, value: T, at: &std::ops::Range<usize>) {
    if place.is_none() {
        *place = Some(located(value, at));
    }
}

/// Every value that is no table, with its path; an entry of an array of tables has its number for a name.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other value is plain")]
fn leaves(value: &Value, path: &mut Vec<String>, out: &mut Vec<(Vec<String>, Value)>) {
    let mut below = |name: String, value: &Value| {
        path.push(name);
        leaves(value, path, out);
        path.pop();
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(values) if values.iter().any(Value::is_table) => values
            .iter()
            .enumerate()
            .for_each(|(i, value)| below(i.to_string(), value)),
        Value::Array(values) if values.is_empty() => {}
        other => out.push((path.clone(), other.clone())),
    }
}

/// Adds a value at a path where nothing stands yet; says whether it did.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "nothing can stand below a plain value"
)]
fn add(table: &mut Table, path: &[String], value: Value) -> bool {
    let [name, rest @ ..] = path else {
        return false;
    };
    if rest.is_empty() {
        let free = !table.contains_key(name);
        if free {
            table.insert(name.clone(), value);
        }
        return free;
    }
    let entry = table
        .entry(name.clone())
        .or_insert_with(|| Value::Table(Table::new()));
    match entry {
        Value::Table(inner) => add(inner, rest, value),
        Value::Array(values) => {
            let inner = rest[0].parse::<usize>().ok().and_then(|i| values.get_mut(i));
            inner
                .and_then(Value::as_table_mut)
                .is_some_and(|inner| add(inner, &rest[1..], value))
        }
        _ => false,
    }
}

/// The table as a file: what names the model, then plain values, then tables.
pub(super) fn printed(table: &Table) -> String {
    let one = |name: &str| {
        let value = table.get(name).cloned()?;
        Some(Table::from_iter([(name.to_owned(), value)]).to_string())
    };
    let is_table = |name: &str| {
        table.get(name).is_some_and(|value| {
            value.is_table() || value.as_array().is_some_and(|v| v.iter().any(Value::is_table))
        })
    };
    let rest = || {
        table
            .keys()
            .map(String::as_str)
            .filter(|name| !FIRST.contains(name))
    };
    let plain = FIRST.into_iter().chain(rest().filter(|name| !is_table(name)));
    let mut text: String = plain.filter_map(one).collect();
    for name in rest().filter(|name| is_table(name)) {
        text += "\n";
        text += &one(name).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# a comment
        format = 1
        kind = "widedeep"
        conf = "movie"
        embedding = [{ slots = [1], table = "user", dim = 4 }]
        wide = { slots = [3] }
        hidden = [4]
        optimizer.embedding = { kind = "adagrad", lr = 0.05 }
        train = { epochs = 3 }
    "#;

    fn config(text: &str) -> ModelConfig {
        ModelConfig::parse(text, "m.toml").unwrap()
    }

    #[test]
    fn defaults_stand_beside_what_was_given_and_read_back() {
        let text = config(FILE).effective();
        assert!(
            text.starts_with("format = 1\nkind = \"widedeep\"\nconf = \"movie\"\nseed = 1\n"),
            "{text}"
        );
        for line in [
            "activation = \"relu\"",
            "batch = 1024",
            "epochs = 3",
            "loss = \"bce\"",
            "init = 0.03",
            "pooling = \"mean\"",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(
            !text.contains("item2vec") && !text.contains("optimizer.linear"),
            "{text}"
        );
        let again = config(&text);
        assert_eq!(again.effective(), text);
        assert_eq!((again.train.epochs(), again.optimizer.wide().lr()), (3, 0.05));
    }

    /// Keys whose absence says something that no value does.
    const ABSENT: [&str; 24] = [
        "label",
        "labels",
        "norm",
        "wide",
        "gmf",
        "bias",
        "linear",
        "matrix",
        "tower",
        "cross",
        "pairs",
        "attention",
        "history",
        "experts",
        "task",
        "objective",
        "buckets",
        "expire",
        "early_stop",
        "checkpoint",
        "schedule",
        "clip",
        "preference",
        "only",
    ];

    /// The paths of `filled`'s values that the printed file lacks, but for those of other optimisers, solvers and objectives.
    fn missing(text: &str) -> Vec<String> {
        let config = config(text);
        let printed: Table = config.effective().parse().unwrap();
        let full = Table::try_from(config.filled()).unwrap();
        let mut all = Vec::new();
        leaves(&Value::Table(full), &mut Vec::new(), &mut all);
        let there = |path: &[String]| {
            let mut at = Value::Table(printed.clone());
            path.iter().all(|name| {
                let next = match at.as_array() {
                    Some(values) => name.parse::<usize>().ok().and_then(|i| values.get(i)).cloned(),
                    None => at.get(name).cloned(),
                };
                next.map(|next| at = next).is_some()
            })
        };
        let paths = all.into_iter().map(|(path, _)| path);
        let lacking = paths.filter(|path| config.concerns(path) && !there(path));
        lacking
            .map(|path| path.join("."))
            .filter(|path| !ABSENT.contains(&path.as_str()))
            .collect()
    }

    fn of(kind: &str, rest: &str) -> String {
        format!("format = 1\nkind = \"{kind}\"\nconf = \"c\"\n{rest}")
    }

    const TOWERS: &str = "embedding = [{ slots = [1], table = \"u\", dim = 4 }, { slots = [2], table = \"i\", dim = 4 }]\ntower.user = { slots = [1] }\ntower.item = { slots = [2] }\n";

    /// Files, and lines that stand for what they leave to the kind.
    fn decided() -> Vec<(String, Vec<&'static str>)> {
        vec![
            (
                of("twotower", TOWERS),
                vec![
                    "combine = \"cosine\"",
                    "temperature = 0.05",
                    "logq = true",
                    "negatives = 0",
                ],
            ),
            (
                of("youtubednn", TOWERS),
                vec!["kind = \"sampled\"", "negatives = 256", "combine = \"dot\""],
            ),
            (
                of("dssm", TOWERS),
                vec![
                    "kind = \"pointwise\"",
                    "temperature = 1.0",
                    "epsilon = 0.00000001",
                ],
            ),
            (
                of(
                    "dcn",
                    "embedding = [{ slots = [1], table = \"u\", dim = 4 }]\nhidden = [4]\n",
                ),
                vec!["layers = 3"],
            ),
            (FILE.to_owned(), vec!["initial = 0.1", "epsilon = 0.0000000001"]),
            (
                of(
                    "lr",
                    "linear = { slots = [1] }\noptimizer.linear.kind = \"momentum\"\n",
                ),
                vec![
                    "lr = 0.01",
                    "momentum = 0.9",
                    "l2 = 0.0",
                    "min_count = 1",
                    "lr_decay = 1.0",
                ],
            ),
            (
                of(
                    "fm",
                    "linear = { slots = [1], k = 2 }\noptimizer.linear.kind = \"adamw\"\n",
                ),
                vec!["lr = 0.001", "decay = 0.01"],
            ),
            (
                of(
                    "neuralcf",
                    "gmf = { dim = 2, slots = [1, 2] }\nbias = { buckets = 9 }\n",
                ),
                vec!["min_count = 1", "buckets = 9"],
            ),
        ]
    }

    /// The same of kinds that learn from who met what.
    fn decided_by_matrix() -> Vec<(String, Vec<&'static str>)> {
        vec![
            (
                of("ials", "matrix = { user = 1, item = 2 }\n"),
                vec!["solver = \"cholesky\"", "init = 0.1", "confidence = \"rendle\""],
            ),
            (
                of("bpr", "matrix = { user = 1, item = 2 }\n"),
                vec!["lr = 0.05", "init = 0.1"],
            ),
            (
                of("walk", "matrix = { history = 1, item = 2 }\n"),
                vec!["lr = 0.025", "walks = 10", "negatives = 5", "p = 1.0"],
            ),
            (
                of("itemknn", "matrix = { history = 1, item = 2 }\n"),
                vec!["shrink = 0.0", "neighbours = 100"],
            ),
        ]
    }

    #[test]
    fn what_a_kind_decides_for_itself_is_told() {
        for (file, lines) in decided().into_iter().chain(decided_by_matrix()) {
            let text = config(&file).effective();
            for line in lines {
                assert!(text.contains(line), "{line}\n{text}");
            }
            assert_eq!(config(&text).effective(), text);
        }
        let pointwise = config(&of("dssm", TOWERS)).effective();
        assert!(
            !pointwise.contains("logq") && !pointwise.contains("draw"),
            "{pointwise}"
        );
        assert_eq!(missing(FILE), Vec::<String>::new());
        assert_eq!(missing(&of("twotower", TOWERS)), Vec::<String>::new());
    }

    #[test]
    fn what_a_kind_refuses_is_left_out() {
        let file = "format = 1\nkind = \"lr\"\nconf = \"movie\"\nlinear = { slots = [1] }\n";
        let text = config(file).effective();
        assert!(text.contains("epochs = 10") && !text.contains("batch"), "{text}");
        assert!(
            !text.contains("optimizer.dense") && text.contains("[optimizer.linear]"),
            "{text}"
        );
        let ftrl = config(&format!("{file}optimizer.linear.kind = \"ftrl\"\n")).effective();
        assert!(ftrl.contains("beta = 1.0") && ftrl.contains("l1 = 0.0"), "{ftrl}");
        assert!(!ftrl.contains("initial") && !ftrl.contains("lr_decay"), "{ftrl}");
    }
}
