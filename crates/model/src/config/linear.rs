//! `linear`, `optimizer.linear`, `optimizer.factor`: the parts of the kinds `lr`, `fm` and `ffm`.

use super::{Checker, Kind, ModelConfig, OptimizerKind, number};
use rankine_config::Located;
use rankine_kernel::factor::{Rates, Rule, RuleKind, Shape};
use serde::{Deserialize, Serialize};

/// `linear`: the slots of a linear model, and what goes beyond one weight per sign.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinearConfig {
    /// The slots, sparse or dense; each is a field of an FFM, in this order.
    pub slots: Vec<Located<u32>>,
    /// Factors per sign (`fm`) or per sign and field (`ffm`).
    #[serde(default)]
    pub k: Option<Located<usize>>,
    /// Signs share 2^hash_bits rows; absent: every sign has a row of its own.
    #[serde(default)]
    pub hash_bits: Option<Located<u32>>,
    /// Whether an empty sparse slot reads a row of its own; otherwise it contributes nothing.
    #[serde(default = "yes")]
    pub missing: bool,
    /// First factors are drawn evenly from ± this / √k; 0.1 unless given.
    #[serde(default)]
    pub init: Option<Located<f64>>,
    /// Signs of sparse slots seen in fewer training samples read their slot's missing row.
    #[serde(default = "super::one")]
    pub min_count: u32,
    /// A row unused in this many trainings, each begun from the one before, is dropped at publishing; absent: never.
    #[serde(default)]
    pub expire: Option<Located<u32>>,
}

impl LinearConfig {
    /// Returns the bound of first factors.
    #[must_use]
    pub fn init(&self) -> f64 {
        let k = self.k.as_ref().map_or(1, |k| k.value.max(1));
        number(self.init.as_ref(), 0.1) / (k as f64).sqrt()
    }
}

/// Why the rates of FTRL do not change from step to step.
const FTRL_IS_STEADY: &str = "`ftrl` has its weights in the measure of its rate, which falls by itself";

/// The rules `optimizer.linear` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum LinearOptimizerKind {
    /// Plain gradient descent.
    Sgd,
    /// Adagrad.
    #[default]
    Adagrad,
    /// FTRL-Proximal.
    Ftrl,
    /// Lazy Adam.
    Adam,
    /// Lazy Adam with decoupled weight decay.
    Adamw,
    /// Lazy heavy ball.
    Momentum,
    /// Lazy RMSProp.
    Rmsprop,
    /// Limited-memory BFGS over all samples at once (`lr` only).
    Lbfgs,
}

impl LinearOptimizerKind {
    /// Returns the name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adagrad => "adagrad",
            Self::Ftrl => "ftrl",
            Self::Adam => "adam",
            Self::Adamw => "adamw",
            Self::Momentum => "momentum",
            Self::Rmsprop => "rmsprop",
            Self::Lbfgs => "lbfgs",
        }
    }

    /// Returns the one kind that a key of its settings changes anything for; none where there are several.
    fn owner(key: &str) -> Option<Self> {
        match key {
            "momentum" => Some(Self::Momentum),
            "decay" => Some(Self::Adamw),
            "initial" => Some(Self::Adagrad),
            "l1" | "beta" => Some(Self::Ftrl),
            _ => None,
        }
    }

    /// Returns whether a key of its settings, beside `kind`, changes anything.
    #[must_use]
    pub fn reads(self, key: &str) -> bool {
        match key {
            "lr" => self != Self::Lbfgs,
            "l2" => self != Self::Adamw,
            _ => Self::owner(key).is_none_or(|owner| owner == self),
        }
    }

    /// Why rates do not change from step to step, where they do not.
    fn why_steady(self) -> Option<&'static str> {
        match self {
            Self::Lbfgs => Some("`lbfgs` finds the length of its steps"),
            Self::Ftrl => Some(FTRL_IS_STEADY),
            Self::Sgd | Self::Adagrad | Self::Adam | Self::Adamw | Self::Momentum | Self::Rmsprop => None,
        }
    }
}

/// `optimizer.linear`: the rule, and the rates of linear weights and the bias.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct LinearOptimizer {
    /// Which.
    pub kind: LinearOptimizerKind,
    /// Learning rate; 0.1 (`momentum` 0.01, `adam`, `adamw` and `rmsprop` 0.001) unless given.
    pub lr: Option<Located<f64>>,
    /// L1 strength (`ftrl` only); 0 unless given.
    pub l1: Option<Located<f64>>,
    /// L2 strength (`adamw` has `decay`); 0 unless given.
    pub l2: Option<Located<f64>>,
    /// Share of the last velocity that `momentum` keeps; 0.9 unless given.
    pub momentum: Option<Located<f64>>,
    /// Weight decay of `adamw`; 0.01 unless given.
    pub decay: Option<Located<f64>>,
    /// First accumulator of `adagrad`; 1 unless given.
    pub initial: Option<Located<f64>>,
    /// `beta` of `ftrl`; 1 unless given.
    pub beta: Option<Located<f64>>,
}

impl LinearOptimizer {
    /// Returns the learning rate.
    #[must_use]
    pub fn lr(&self) -> f64 {
        use LinearOptimizerKind::{Adagrad, Adam, Adamw, Ftrl, Lbfgs, Momentum, Rmsprop, Sgd};
        let usual = match self.kind {
            Adam | Adamw | Rmsprop => 1e-3,
            Momentum => 1e-2,
            Sgd | Adagrad | Ftrl | Lbfgs => 0.1,
        };
        number(self.lr.as_ref(), usual)
    }

    /// Returns the share of the last velocity that `momentum` keeps.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        number(self.momentum.as_ref(), 0.9)
    }

    /// Returns the weight decay of `adamw`.
    #[must_use]
    pub fn decay(&self) -> f64 {
        number(self.decay.as_ref(), 0.01)
    }

    /// Returns the first accumulator of `adagrad`.
    #[must_use]
    pub fn initial(&self) -> f64 {
        number(self.initial.as_ref(), 1.0)
    }

    /// Returns `beta` of `ftrl`.
    #[must_use]
    pub fn beta(&self) -> f64 {
        number(self.beta.as_ref(), 1.0)
    }

    /// Returns the rule of rows.
    fn rule(&self) -> RuleKind {
        let (beta, epsilon) = ((0.9, 0.999), 1e-8);
        match self.kind {
            // By `lbfgs` rows are set, not moved: they need no states.
            LinearOptimizerKind::Sgd | LinearOptimizerKind::Lbfgs => RuleKind::Sgd,
            LinearOptimizerKind::Adagrad => RuleKind::Adagrad {
                initial: self.initial(),
            },
            LinearOptimizerKind::Ftrl => RuleKind::Ftrl { beta: self.beta() },
            LinearOptimizerKind::Adam => RuleKind::Adam { beta, epsilon },
            LinearOptimizerKind::Adamw => RuleKind::AdamW {
                beta,
                epsilon,
                decay: self.decay(),
            },
            LinearOptimizerKind::Momentum => RuleKind::Momentum {
                momentum: self.momentum(),
            },
            LinearOptimizerKind::Rmsprop => RuleKind::RmsProp { alpha: 0.99, epsilon },
        }
    }
}

/// `optimizer.factor`: rates of factors where they differ.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct FactorRates {
    /// Learning rate; as `optimizer.linear` unless given.
    pub lr: Option<Located<f64>>,
    /// L1 strength; 0 unless given.
    pub l1: Option<Located<f64>>,
    /// L2 strength; as `optimizer.linear` unless given.
    pub l2: Option<Located<f64>>,
}

impl ModelConfig {
    /// Returns how rows of the kinds `lr`, `fm` and `ffm` move.
    #[must_use]
    pub fn linear_rule(&self) -> Rule {
        let (linear, factor) = (&self.optimizer.linear, &self.optimizer.factor);
        let weight = Rates {
            rate: linear.lr(),
            l1: number(linear.l1.as_ref(), 0.0),
            l2: number(linear.l2.as_ref(), 0.0),
        };
        let factor = Rates {
            rate: number(factor.lr.as_ref(), weight.rate),
            l1: number(factor.l1.as_ref(), 0.0),
            l2: number(factor.l2.as_ref(), weight.l2),
        };
        Rule {
            kind: linear.rule(),
            weight,
            factor,
        }
    }
}

impl Checker<'_> {
    /// Sizes and rates of the linear kinds.
    pub(super) fn linear(&mut self) {
        let config = self.config;
        let train = &config.train;
        if let Some(threads) = &train.threads {
            self.within(threads, "threads", (1, 256));
        }
        if let Some(linear) = &config.linear {
            self.part(linear);
        }
        self.rules();
    }

    fn part(&mut self, linear: &LinearConfig) {
        let kind = self.config.kind();
        match (&linear.k, kind) {
            (None, Kind::Fm | Kind::Ffm) => {
                let message = format!("kind `{}` needs `k`", kind.name());
                self.fault(&self.config.kind, "k", message);
            }
            (Some(k), Kind::Lr) => self.fault(k, "k", "kind `lr` has no factors, so no `k`"),
            (Some(k), _) => {
                self.within(k, "k", (1, 4096));
                let fields = if kind == Kind::Ffm { linear.slots.len() } else { 1 };
                if !(Shape { fields, k: k.value }).fits() {
                    self.fault(
                        k,
                        "k",
                        format!("{fields} fields of {} factors are too many for a row", k.value),
                    );
                }
            }
            (None, _) => {}
        }
        if linear.slots.is_empty() {
            self.fault(&self.config.kind, "slots", "`linear` has no slots");
        }
        if let Some(bits) = &linear.hash_bits {
            self.within(bits, "hash_bits", (1, 31));
        }
        if let Some(init) = &linear.init {
            self.within(init, "init", (0.0, 1e3));
        }
        if let Some(expire) = &linear.expire {
            self.within(expire, "expire", (1, u32::MAX));
        }
        self.counted(linear);
    }

    /// Signs are counted one by one, so each must have a row of its own.
    fn counted(&mut self, linear: &LinearConfig) {
        if let Some(bits) = linear.hash_bits.as_ref().filter(|_| linear.min_count > 1) {
            let message =
                "`hash_bits` lets signs share rows, so none is counted alone: drop it or `min_count`";
            self.fault(bits, "hash_bits", message);
        }
    }

    /// `lbfgs`: one weight per sign, no rate, one thread.
    fn at_once(&mut self) {
        let (config, linear) = (self.config, &self.config.optimizer.linear);
        if linear.kind != LinearOptimizerKind::Lbfgs {
            return;
        }
        if matches!(config.kind(), Kind::Fm | Kind::Ffm) {
            let message = format!("kind `{}` has no `lbfgs`; only `lr` has", config.kind().name());
            self.fault(&config.kind, "optimizer.linear", message);
        }
        if let Some(lr) = &linear.lr {
            self.fault(
                lr,
                "lr",
                "`lbfgs` finds the length of its steps, so it has no `lr`",
            );
        }
        if let Some(threads) = config.train.threads.as_ref().filter(|t| t.value > 1) {
            self.fault(threads, "threads", "`lbfgs` learns on one thread");
        }
    }

    /// Rates that change from step to step, of a rule that does without.
    fn steady(&mut self) {
        let why = self.config.optimizer.linear.kind.why_steady();
        if let Some(why) = why.filter(|_| self.config.kind().is_linear()) {
            self.without_course(why);
        }
    }

    /// The same of a network whose rows or layers `ftrl` moves: a row in use would shrink as the rate falls.
    pub(super) fn steady_parts(&mut self) {
        let own = &self.config.optimizer;
        let parts = [
            ("embedding", &own.embedding),
            ("dense", &own.dense),
            ("wide", own.wide()),
        ];
        let moved = parts.iter().find(|(_, part)| part.kind == OptimizerKind::Ftrl);
        if let Some((part, _)) = moved.filter(|_| self.config.kind().is_network()) {
            self.without_course(&format!("`optimizer.{part}`: {FTRL_IS_STEADY}"));
        }
    }

    /// Refuses what would change rates from step to step.
    fn without_course(&mut self, why: &str) {
        let (config, train) = (self.config, &self.config.train);
        if let Some(decay) = &train.lr_decay {
            self.fault(decay, "lr_decay", format!("{why}, so it has no `train.lr_decay`"));
        }
        if train.schedule.is_some() {
            let message = format!("{why}, so it has no `train.schedule`");
            self.fault(&config.kind, "schedule", message);
        }
    }

    /// Settings of `optimizer.linear` and `optimizer.factor` that its rule does not read.
    pub(super) fn unread_of_rule(&mut self) {
        let (linear, factor) = (&self.config.optimizer.linear, &self.config.optimizer.factor);
        let given = [
            (&linear.l1, "l1"),
            (&linear.l2, "l2"),
            (&linear.momentum, "momentum"),
            (&linear.decay, "decay"),
            (&linear.initial, "initial"),
            (&linear.beta, "beta"),
            (&factor.l1, "l1"),
            (&factor.l2, "l2"),
        ];
        for (value, key) in given {
            let Some(value) = value.as_ref().filter(|_| !linear.kind.reads(key)) else {
                continue;
            };
            let message = match LinearOptimizerKind::owner(key) {
                Some(owner) => format!("only `{}` has `{key}`", owner.name()),
                None => format!("`{}` has `decay` in place of `{key}`", linear.kind.name()),
            };
            self.fault(value, key, message);
        }
    }

    fn rules(&mut self) {
        let (linear, factor) = (&self.config.optimizer.linear, &self.config.optimizer.factor);
        let bounds = [
            (&linear.lr, "lr", (1e-12, 1e3)),
            (&linear.l1, "l1", (0.0, 1e6)),
            (&linear.l2, "l2", (0.0, 1e6)),
            (&linear.momentum, "momentum", (0.0, 1.0)),
            (&linear.decay, "decay", (0.0, 1e3)),
            (&linear.initial, "initial", (1e-9, 1e6)),
            (&linear.beta, "beta", (0.0, 1e6)),
            (&factor.lr, "lr", (1e-12, 1e3)),
            (&factor.l1, "l1", (0.0, 1e6)),
            (&factor.l2, "l2", (0.0, 1e6)),
        ];
        for (value, key, bound) in bounds {
            if let Some(value) = value {
                self.within(value, key, bound);
            }
        }
        self.at_once();
        self.steady();
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: &str, k: &str, rule: &str) -> String {
        let text = format!(
            "format = 1\nkind = \"{kind}\"\nconf = \"c\"\nlinear = {{ slots = [1]{k} }}\noptimizer.linear = {{ kind = \"lbfgs\"{rule} }}\n"
        );
        match ModelConfig::parse(&text, "m.toml") {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn only_one_weight_per_sign_learns_from_all_samples_at_once() {
        assert_eq!(faults("lr", "", ", l2 = 2"), "");
        assert!(faults("fm", ", k = 2", "").contains("kind `fm` has no `lbfgs`; only `lr` has"));
        assert!(faults("lr", "", ", lr = 0.1").contains("it has no `lr`"));
    }

    /// The faults of an `fm` with these lines.
    fn said(linear: &str, more: &str) -> Vec<String> {
        let text = format!(
            "format = 1\nkind = \"fm\"\nconf = \"c\"\nlinear = {{ slots = [1], k = 2{linear} }}\n{more}\n"
        );
        match ModelConfig::parse(&text, "m.toml") {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_a_rule_does_not_read_is_a_fault() {
        let of = |rule: &str| said("", &format!("optimizer.linear = {{ {rule} }}"));
        for rule in [
            "kind = \"momentum\", lr = 0.1, l2 = 0.1, momentum = 0.5",
            "kind = \"adamw\", decay = 0.1",
            "kind = \"rmsprop\", l2 = 0.1",
            "kind = \"adagrad\", initial = 0.1",
            "kind = \"ftrl\", l1 = 0.1, beta = 2",
        ] {
            assert_eq!(of(rule), [""; 0], "{rule}");
        }
        let faults = of("kind = \"adam\", momentum = 0.5, decay = 0.1, initial = 1, beta = 1, l1 = 0");
        let owners = [
            ("momentum", "momentum"),
            ("adamw", "decay"),
            ("adagrad", "initial"),
            ("ftrl", "beta"),
            ("ftrl", "l1"),
        ];
        assert_eq!(faults.len(), owners.len(), "{faults:?}");
        for (fault, (owner, key)) in faults.iter().zip(owners) {
            assert!(fault.ends_with(&format!("only `{owner}` has `{key}`")), "{fault}");
        }
        let adamw = of("kind = \"adamw\", l2 = 0.1");
        assert!(
            adamw[0].ends_with("`adamw` has `decay` in place of `l2`"),
            "{adamw:?}"
        );
        assert_eq!(of("kind = \"momentum\", momentum = 1.5").len(), 1);
        let nesterov = of("kind = \"nesterov\"");
        assert!(nesterov[0].contains("momentum"), "{nesterov:?}");
    }

    #[test]
    fn rates_follow_a_schedule_where_the_rule_has_rates_of_its_own() {
        let train = "train = { lr_decay = 0.9, schedule = { kind = \"cosine\", warmup = 100 } }\n";
        let of = |kind: &str| said("", &format!("{train}optimizer.linear.kind = \"{kind}\""));
        for kind in ["sgd", "adagrad", "adam", "adamw", "momentum", "rmsprop"] {
            assert_eq!(of(kind), [""; 0], "{kind}");
        }
        let ftrl = of("ftrl");
        assert!(
            ftrl.len() == 2
                && ftrl
                    .iter()
                    .all(|fault| fault.contains("in the measure of its rate")),
            "{ftrl:?}"
        );
        let lr = format!(
            "format = 1\nkind = \"lr\"\nconf = \"c\"\nlinear = {{ slots = [1] }}\n{train}optimizer.linear.kind = \"lbfgs\"\n"
        );
        let lbfgs = ModelConfig::parse(&lr, "m.toml").unwrap_err().to_string();
        assert!(lbfgs.contains("so it has no `train.schedule`"), "{lbfgs}");
    }

    #[test]
    fn a_network_whose_rows_ftrl_moves_has_steady_rates() {
        let of = |more: &str| {
            let text = format!(
                "format = 1\nkind = \"widedeep\"\nconf = \"c\"\nembedding = [{{ slots = [1], table = \"t\", dim = 2 }}]\n\
                 wide = {{ slots = [2] }}\nhidden = [2]\n{more}\n"
            );
            match ModelConfig::parse(&text, "m.toml") {
                Ok(_) => Vec::new(),
                Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
            }
        };
        let train = "train = { lr_decay = 0.9, schedule = { warmup = 100 } }";
        for part in ["embedding", "dense", "wide"] {
            let rule = format!("optimizer.{part}.kind = \"ftrl\"");
            assert_eq!(of(&rule), [""; 0], "{part}");
            let faults = of(&format!("{rule}\n{train}"));
            let why = format!("`optimizer.{part}`: {FTRL_IS_STEADY}, so it has no");
            assert_eq!(
                faults,
                [
                    format!("m.toml:2:8: {why} `train.schedule`"),
                    format!("m.toml:8:22: {why} `train.lr_decay`"),
                ]
            );
        }
        assert_eq!(of(train), [""; 0]);
    }

    #[test]
    fn rare_signs_are_those_of_rows_that_are_not_shared() {
        assert_eq!(said(", min_count = 5, expire = 7", ""), [""; 0]);
        assert_eq!(said(", hash_bits = 9, expire = 7, min_count = 1", ""), [""; 0]);
        let both = said(", hash_bits = 9, min_count = 2", "");
        assert!(
            both.len() == 1 && both[0].contains("m.toml:4:") && both[0].contains("drop it or `min_count`"),
            "{both:?}"
        );
        assert!(said(", expire = 0", "")[0].contains("`expire` is 0, expected 1 to"));
    }
}
