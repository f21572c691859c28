//! Faults of meaning that need no plan: sizes, rates, names, and parts that a kind does not have.

use super::{FORMAT, Kind, ModelConfig, OptimizerSettings};
use rankine_config::{Fault, Located};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The largest size a file may ask for; a mistyped zero must not allocate a machine.
pub(crate) const MAX_SIZE: usize = 1 << 16;

/// Adds every fault of `config` to `faults`.
pub(super) fn check(config: &ModelConfig, faults: &mut Vec<Fault>) {
    let mut checker = Checker { config, faults };
    checker.format();
    checker.kind();
    checker.labels();
    checker.tables();
    checker.sizes();
    checker.rates();
    checker.bounds_of_tables();
    checker.linear();
    checker.towers();
    checker.matrix();
    checker.graphs();
    checker.objective();
    checker.watched();
    checker.initials();
    checker.metrics();
    checker.gate();
}

/// Adds a fault for every setting that the rule of a linear kind, or of a part of a network, does not read.
pub(super) fn unread(config: &ModelConfig, faults: &mut Vec<Fault>) {
    let mut checker = Checker { config, faults };
    checker.unread_of_rule();
    checker.steady_parts();
}

pub(super) struct Checker<'a> {
    pub(super) config: &'a ModelConfig,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    pub(super) fn fault<T>(&mut self, at: &Located<T>, key: &str, message: impl Into<String>) {
        self.faults
            .push(self.config.source().fault(at.span.clone(), key, message));
    }

    fn format(&mut self) {
        let format = &self.config.format;
        if format.value != FORMAT {
            self.fault(
                format,
                "format",
                format!("unknown format {}, expected {FORMAT}", format.value),
            );
        }
    }

    /// Which parts a kind must have and must not have.
    fn kind(&mut self) {
        let config = self.config;
        let (kind, at) = (config.kind(), &config.kind);
        let deep = !config.embedding.is_empty() || !config.dense.slots.is_empty();
        let ncf = kind == Kind::NeuralCf;
        let wide = matches!(kind, Kind::WideDeep | Kind::DeepFm);
        let history = matches!(kind, Kind::Din | Kind::Dien);
        let experts = matches!(kind, Kind::Mmoe | Kind::Ple);
        let (linear, sided) = (kind.is_linear(), kind.is_two_sided());
        let matrix = kind.is_matrix();
        let inputs = kind != Kind::Item2Vec && !linear && !matrix;
        let network = inputs && !sided;
        // a product over slots of its own is a whole model (GMF)
        let product = ncf && config.gmf.as_ref().is_some_and(|gmf| !gmf.slots.is_empty());
        let parts = [
            ("embedding or dense", deep, network && !product, inputs),
            ("conf", config.conf.is_some(), kind != Kind::Item2Vec, true),
            ("wide", config.wide.is_some(), wide, wide),
            ("gmf", config.gmf.is_some(), false, ncf),
            ("bias", config.bias.is_some(), false, ncf),
            ("hidden", !config.hidden.is_empty(), false, network),
            ("linear", config.linear.is_some(), linear, linear),
            ("matrix", config.matrix.is_some(), matrix, matrix),
            ("cross", config.cross.is_some(), false, kind == Kind::Dcn),
            ("pairs", config.pairs.is_some(), false, kind == Kind::DeepFm),
            (
                "attention",
                config.attention.is_some(),
                false,
                kind == Kind::AutoInt,
            ),
            ("history", config.history.is_some(), history, history),
            ("experts", config.experts.is_some(), experts, experts),
            (
                "task",
                config.task.is_some(),
                false,
                experts || kind == Kind::Esmm,
            ),
            ("tower", config.tower.is_some(), sided, sided),
            ("objective", config.objective.is_some(), false, sided),
        ];
        for (part, given, needed, allowed) in parts {
            if needed && !given {
                self.fault(at, part, format!("kind `{}` needs `{part}`", kind.name()));
            }
            if given && !allowed {
                self.fault(at, part, format!("kind `{}` has no `{part}`", kind.name()));
            }
        }
    }

    /// `labels` is for kinds that learn several, takes the place of `label`, and names each once.
    fn labels(&mut self) {
        let config = self.config;
        let mut seen = BTreeSet::new();
        if let (Some(label), false) = (&config.label, config.labels.is_empty()) {
            self.fault(label, "label", "`label` beside `labels`; give one of them");
        }
        if let (Some(label), false) = (config.labels.first(), config.kind().has_labels()) {
            let message = format!("kind `{}` learns one label, `label`", config.kind().name());
            self.fault(label, "labels", message);
        }
        for label in &config.labels {
            if !seen.insert(label.value.as_str()) {
                self.fault(label, "labels", format!("label `{}` is given twice", label.value));
            }
        }
    }

    fn tables(&mut self) {
        let config = self.config;
        let mut seen = BTreeSet::new();
        for embedding in &config.embedding {
            let name = &embedding.table;
            if !plain_name(&name.value) {
                self.fault(
                    name,
                    "table",
                    "a table's name is made of letters, digits, `_` and `-`",
                );
            }
            if !seen.insert(name.value.as_str()) {
                self.fault(name, "table", format!("table `{}` is given twice", name.value));
            }
            if embedding.slots.is_empty() {
                self.fault(name, "slots", format!("table `{}` has no slots", name.value));
            }
        }
    }

    fn sizes(&mut self) {
        let config = self.config;
        let dims = config
            .embedding
            .iter()
            .map(|e| &e.dim)
            .chain(config.gmf.as_ref().map(|g| &g.dim));
        for dim in dims {
            self.within(dim, "dim", (1, MAX_SIZE));
        }
        for size in &config.hidden {
            self.within(size, "hidden", (1, MAX_SIZE));
        }
        let vectors = &config.item2vec;
        self.within(&vectors.dim, "dim", (1, MAX_SIZE));
        self.within(&vectors.window, "window", (1, 1000));
        self.within(&vectors.negatives, "negatives", (1, 1000));
        self.within(&vectors.epochs, "epochs", (1, 1_000_000));
        self.within(&vectors.lr, "lr", (1e-9, 10.0));
        if config.wide.as_ref().is_some_and(|wide| wide.slots.is_empty()) {
            self.fault(&config.kind, "slots", "`wide` has no slots");
        }
        if let Some(batch) = &config.train.batch {
            self.within(batch, "batch", (1, 1 << 24));
        }
        if let Some(epochs) = &config.train.epochs {
            self.within(epochs, "epochs", (1, 1_000_000));
        }
    }

    fn rates(&mut self) {
        let config = self.config;
        for share in [&config.dropout.input, &config.dropout.hidden]
            .into_iter()
            .flatten()
        {
            self.within(share, "dropout", (0.0, 0.999));
        }
        let optimizer = &config.optimizer;
        let settings = [
            Some(&optimizer.embedding),
            Some(&optimizer.dense),
            optimizer.wide.as_ref(),
        ];
        settings.into_iter().flatten().for_each(|s| self.optimizer(s));
        let strengths = config.embedding.iter().map(|e| &e.l2);
        let strengths = strengths.chain(config.wide.iter().map(|w| &w.l2));
        let strengths = strengths.chain(config.gmf.iter().map(|g| &g.l2));
        let strengths = strengths.chain(config.bias.iter().map(|b| &b.l2)).flatten();
        strengths.for_each(|s| self.within(s, "l2", (0.0, 1e6)));
        if let Some(decay) = &config.train.lr_decay {
            self.within(decay, "lr_decay", (0.0, 1.0));
        }
        self.schedule();
        if let Some(average) = &config.train.average {
            self.within(average, "average", (0.0, 0.999));
        }
    }

    /// Numbers of the schedule, of clipping and of checkpoints.
    fn schedule(&mut self) {
        let train = &self.config.train;
        if let Some(clip) = &train.clip {
            self.within(clip, "clip", (1e-9, 1e9));
        }
        let factors = train.schedule.iter().flat_map(|s| [&s.factor, &s.floor]);
        for factor in factors.flatten() {
            self.within(factor, "factor or floor", (0.0, 1.0));
        }
        if let Some(schedule) = &train.schedule {
            self.schedule_reads(schedule);
        }
        if let Some(buffer) = &train.shuffle_buffer {
            self.within(buffer, "shuffle_buffer", (1, u32::MAX as usize));
        }
        let Some(checkpoint) = &train.checkpoint else {
            return;
        };
        if let Some(steps) = &checkpoint.steps {
            self.within(steps, "steps", (1, u64::MAX));
        }
        if let Some(minutes) = &checkpoint.minutes {
            self.within(minutes, "minutes", (0.001, 1e6));
        }
        if let Some(keep) = &checkpoint.keep {
            self.within(keep, "keep", (1, 1000));
        }
    }

    /// Keys of a schedule that change nothing.
    fn schedule_reads(&mut self, schedule: &super::Schedule) {
        use super::ScheduleKind::{Cosine, Exponential, Step};
        if let Some(every) = &schedule.every {
            self.within(every, "every", (1, 1_000_000));
            if schedule.kind != Step {
                self.fault(every, "every", "only `kind = \"step\"` reads `every`");
            }
        }
        if let Some(factor) = schedule
            .factor
            .as_ref()
            .filter(|_| !matches!(schedule.kind, Step | Exponential))
        {
            self.fault(factor, "factor", "only `step` and `exponential` read `factor`");
        }
        if let Some(floor) = schedule
            .floor
            .as_ref()
            .filter(|_| !matches!(schedule.kind, Step | Exponential | Cosine))
        {
            self.fault(floor, "floor", "a rate that stays as it is has no `floor`");
        }
    }

    /// Numbers of tables that signs share or leave.
    fn bounds_of_tables(&mut self) {
        let config = self.config;
        let buckets = config.embedding.iter().map(|e| (&e.buckets, &e.expire));
        let buckets = buckets.chain(config.wide.iter().map(|w| (&w.buckets, &w.expire)));
        let buckets = buckets.chain(config.gmf.iter().map(|g| (&g.buckets, &g.expire)));
        let buckets = buckets.chain(config.bias.iter().map(|b| (&b.buckets, &b.expire)));
        for (buckets, expire) in buckets {
            if let Some(buckets) = buckets {
                self.within(buckets, "buckets", (1, u64::from(u32::MAX) - 2));
            }
            if let Some(expire) = expire {
                self.within(expire, "expire", (1, u32::MAX));
            }
        }
    }

    fn optimizer(&mut self, settings: &OptimizerSettings) {
        let bounds = [
            (&settings.lr, "lr", 1e3),
            (&settings.l2, "l2", 1e6),
            (&settings.momentum, "momentum", 1.0),
            (&settings.decay, "decay", 1e3),
            (&settings.initial, "initial", 1e6),
            (&settings.epsilon, "epsilon", 1.0),
            (&settings.l1, "l1", 1e6),
            (&settings.beta, "beta", 1e6),
        ];
        for (value, key, most) in bounds {
            let Some(value) = value else { continue };
            self.within(value, key, (0.0, most));
            if !settings.kind.reads(key) {
                self.fault(value, key, format!("this optimiser does not read `{key}`"));
            }
        }
    }

    pub(super) fn within<T: PartialOrd + Display>(
        &mut self,
        value: &Located<T>,
        key: &str,
        (least, most): (T, T),
    ) {
        if !(value.value >= least && value.value <= most) {
            self.fault(
                value,
                key,
                format!("`{key}` is {}, expected {least} to {most}", value.value),
            );
        }
    }
}

/// Whether a name can stand in a tensor's name.
fn plain_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
