//! `Network`: a model file compiled with a plan. Slots have become columns with a place in the extraction result, a table
//! and a stretch of the input; every parameter has its name and shape. Training and serving both read this.
//!
//! ```text
//! input  = [embedding columns in the order of the file | dense slots]
//! deep   = output(… f(input·W₀ + b₀) …)          hidden.0, hidden.1, …, output
//! logit  = ((bias + Σ wide [+ Σ_{i<j} ⟨eᵢ, eⱼ⟩]) + deep) + Σ_k gmf[k]·p[k]·q[k]
//! towers: logit = combine(user, item) / temperature + context         in place of all of the above
//! score  = sigmoid(logit) for bce, the logit itself for mse
//! ```

use crate::config::{
    ActivationName, BiasConfig, EmbeddingConfig, Init, Kind, Loss, Meaning, Metrics, ModelConfig,
    ObjectiveKind, PoolingName, PreferenceConfig, TowerConfig, TowersConfig, WideConfig,
};
use crate::graph::{Behind, Graph};
use crate::linear::{self, LinearPart};
use crate::matrix::MatrixPart;
use crate::model;
use crate::tower::{Preference, Tower, Towers};
use rankine_config::{Fault, Faults, Located};
use rankine_feature::{Group, Plan, SlotKind, SlotSpec};
use std::collections::BTreeSet;

/// How the signs of a slot become one vector. An empty slot reads the missing row with weight 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Σ weight·row.
    Sum,
    /// Σ (weight / Σ weight)·row; as `Sum` where the weights add up to 0.
    Mean,
    /// None: the rows stay apart, one after another, and an empty slot has none.
    Apart,
}

impl From<PoolingName> for Pooling {
    fn from(name: PoolingName) -> Pooling {
        match name {
            PoolingName::Sum => Pooling::Sum,
            PoolingName::Mean => Pooling::Mean,
        }
    }
}

/// A sparse slot read through a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Where the signs are.
    pub slot: SlotSpec,
    /// Index into [`Network::tables`].
    pub table: usize,
    /// How several signs become one vector.
    pub pooling: Pooling,
}

/// What a table is for; decides its first weights and its optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Vectors of the deep part.
    Embedding,
    /// Single weights of the wide part or of biases: they start at zero.
    Wide,
    /// Vectors of the product part.
    Product,
}

/// A table's name, shape and settings.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSpec {
    /// Name; the weights file has `emb.<name>.keys` and `emb.<name>.rows`.
    pub name: String,
    /// Numbers per row.
    pub dim: usize,
    /// What it is for.
    pub role: Role,
    /// Signs seen in fewer training samples share the missing row.
    pub min_count: u32,
    /// L2 strength of its own; the optimiser's where absent.
    pub l2: Option<f64>,
    /// What first weights are drawn from, where the file says it.
    pub init: Option<Init>,
    /// Rows that signs share, a sign's key being its remainder; none where every sign has a row of its own.
    pub buckets: Option<u64>,
    /// Trainings without use after which a row is dropped.
    pub expire: Option<u32>,
}

impl TableSpec {
    /// Returns the key under which a sign's row is found.
    #[inline]
    #[must_use]
    pub fn key(&self, sign: u64) -> u64 {
        self.buckets.map_or(sign, |buckets| sign % buckets.max(1))
    }
}

/// A dense tensor's name and shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the weights file.
    pub name: String,
    /// Weight matrices are inputs × outputs, biases one dimension.
    pub shape: Vec<usize>,
}

/// The product part: indices into [`Network::columns`], user columns of the common group, item columns of the item group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Numbers per vector; also the length of `gmf.weight`.
    pub dim: usize,
    /// Columns summed into p.
    pub user: Vec<usize>,
    /// Columns summed into q.
    pub item: Vec<usize>,
}

/// A compiled model.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// What the model is.
    pub kind: Kind,
    /// Every sparse column: deep ones first, then product, then wide.
    pub columns: Vec<Column>,
    /// Every table that a column names.
    pub tables: Vec<TableSpec>,
    /// Columns of the deep part, in input order.
    pub deep: Vec<usize>,
    /// Dense slots of the deep part, behind the columns; or those of the towers, one tower's behind the other's.
    pub dense: Vec<SlotSpec>,
    /// Columns of the wide part.
    pub wide: Vec<usize>,
    /// Numbers per vector where all pairs of deep columns are multiplied, too.
    pub pairs: Option<usize>,
    /// The product part.
    pub product: Option<Product>,
    /// Outputs of each hidden layer.
    pub hidden: Vec<usize>,
    /// What stands behind each hidden layer's product.
    pub behind: Behind,
    /// What is minimised, and so what becomes of the output.
    pub loss: Loss,
    /// What a score says.
    pub meaning: Meaning,
    /// The figures that an evaluation computes.
    pub metrics: Metrics,
    /// The whole of a linear model, in place of every other part.
    pub linear: Option<LinearPart>,
    /// The whole of a two-sided model, in place of every other part.
    pub towers: Option<Towers>,
    /// The whole of a model of who met what, in place of every other part.
    pub matrix: Option<MatrixPart>,
    /// The whole of a network of nodes, in place of every other part but `dense`, whose stretches its inputs read.
    pub graph: Option<Graph>,
}

impl Network {
    /// Compiles a model file with the plan of the conf it names.
    ///
    /// # Errors
    /// Every fault of the file against the plan: another conf, a label it has not, slots that do not exist or are of the
    /// wrong kind, parts that the kind does not allow on those slots.
    pub fn compile(config: &ModelConfig, plan: &Plan) -> Result<Network, Faults> {
        let mut builder = Builder::new(config, plan);
        builder.label();
        builder.metrics();
        match config.kind() {
            Kind::EmbeddingMlp | Kind::WideDeep | Kind::DeepFm if config.is_graph() => {
                model::deep::compose(&mut builder);
            }
            Kind::EmbeddingMlp => model::embeddingmlp::compose(&mut builder),
            Kind::WideDeep => model::widedeep::compose(&mut builder),
            Kind::DeepFm => model::deepfm::compose(&mut builder),
            Kind::NeuralCf => model::neuralcf::compose(&mut builder),
            Kind::Dssm => model::dssm::compose(&mut builder),
            Kind::TwoTower => model::twotower::compose(&mut builder),
            Kind::YoutubeDnn => model::youtubednn::compose(&mut builder),
            Kind::DropoutNet => model::dropoutnet::compose(&mut builder),
            Kind::Lr => model::lr::compose(&mut builder),
            Kind::Fm => model::fm::compose(&mut builder),
            Kind::Ffm => model::ffm::compose(&mut builder),
            Kind::Ials => model::ials::compose(&mut builder),
            Kind::Bpr => model::bpr::compose(&mut builder),
            Kind::Ease => model::ease::compose(&mut builder),
            Kind::ItemKnn => model::itemknn::compose(&mut builder),
            Kind::Popularity => model::popularity::compose(&mut builder),
            Kind::Walk => model::walk::compose(&mut builder),
            Kind::Dcn => model::dcn::compose(&mut builder),
            Kind::AutoInt => model::autoint::compose(&mut builder),
            Kind::Din => model::din::compose(&mut builder),
            Kind::Dien => model::dien::compose(&mut builder),
            Kind::Mmoe => model::mmoe::compose(&mut builder),
            Kind::Ple => model::ple::compose(&mut builder),
            Kind::Esmm => model::esmm::compose(&mut builder),
            Kind::Item2Vec => builder.fault(&config.kind, "kind", "`item2vec` has vectors, no network"),
        }
        builder.finish()
    }

    /// Returns the numbers of one sample's dense block.
    #[must_use]
    pub fn dense_width(&self) -> usize {
        self.dense.iter().map(width).sum()
    }

    /// Returns the numbers of one sample's input: embedding columns, then the dense block.
    #[must_use]
    pub fn input_width(&self) -> usize {
        self.deep.iter().map(|c| self.dim(*c)).sum::<usize>() + self.dense_width()
    }

    /// Returns the numbers per row of a column's table.
    #[must_use]
    pub fn dim(&self, column: usize) -> usize {
        self.tables[self.columns[column].table].dim
    }

    /// Returns (name, inputs, outputs) of each layer of the dense stack; the last is `output` with one output. A layer's
    /// tensors are `<name>.weight` and `<name>.bias`.
    #[must_use]
    pub fn layers(&self) -> Vec<(String, usize, usize)> {
        let mut inputs = self.input_width();
        let mut layers = Vec::with_capacity(self.hidden.len() + 1);
        for (i, outputs) in self.hidden.iter().enumerate() {
            layers.push((format!("hidden.{i}"), inputs, *outputs));
            inputs = *outputs;
        }
        layers.push(("output".to_owned(), inputs, 1));
        layers
    }

    /// Returns every dense tensor the model needs.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorSpec> {
        if self.linear.is_some() {
            return vec![TensorSpec {
                name: linear::BIAS.to_owned(),
                shape: vec![1],
            }];
        }
        if let Some(towers) = &self.towers {
            return towers.tensors(self);
        }
        if let Some(matrix) = &self.matrix {
            return matrix.tensors();
        }
        if let Some(graph) = &self.graph {
            return graph.tensors();
        }
        let mut tensors = Vec::new();
        for layer in self.layers() {
            tensors.extend(layer_tensors(layer));
        }
        if let Some(product) = &self.product {
            tensors.push(TensorSpec {
                name: "gmf.weight".to_owned(),
                shape: vec![product.dim],
            });
        }
        tensors
    }
}

/// Returns the numbers of a slot: 0 for sparse ones.
#[must_use]
pub fn width(slot: &SlotSpec) -> usize {
    match slot.kind {
        SlotKind::Dense(width) => width,
        SlotKind::Sparse => 0,
    }
}

/// What the tables of single weights have in common: those of `wide`, or those of `bias`.
pub(crate) struct Weights {
    min_count: u32,
    l2: Option<f64>,
    buckets: Option<u64>,
    expire: Option<u32>,
}

impl From<&WideConfig> for Weights {
    fn from(wide: &WideConfig) -> Weights {
        Weights {
            min_count: wide.min_count,
            l2: wide.l2.as_ref().map(|v| v.value),
            buckets: wide.buckets.as_ref().map(|v| v.value),
            expire: wide.expire.as_ref().map(|v| v.value),
        }
    }
}

impl From<&BiasConfig> for Weights {
    fn from(bias: &BiasConfig) -> Weights {
        Weights {
            min_count: bias.min_count,
            l2: bias.l2.as_ref().map(|v| v.value),
            buckets: bias.buckets.as_ref().map(|v| v.value),
            expire: bias.expire.as_ref().map(|v| v.value),
        }
    }
}

/// The table of one entry of `embedding`.
fn embedding_table(embedding: &EmbeddingConfig) -> TableSpec {
    TableSpec {
        name: embedding.table.value.clone(),
        dim: embedding.dim.value,
        role: Role::Embedding,
        min_count: embedding.min_count,
        l2: embedding.l2.as_ref().map(|v| v.value),
        init: embedding.init.as_ref().map(|v| v.value),
        buckets: embedding.buckets.as_ref().map(|v| v.value),
        expire: embedding.expire.as_ref().map(|v| v.value),
    }
}

/// What a group rests on, in words.
fn rests(group: Group) -> &'static str {
    match group {
        Group::Common => "user and context",
        Group::Item => "the item",
        Group::Cross => "both sides",
    }
}

/// The conf that is made for files of vectors.
const VECTORS: &str = "vectors";

/// What model kinds compose a network with; collects faults.
pub(crate) struct Builder<'a> {
    pub(crate) config: &'a ModelConfig,
    plan: &'a Plan,
    network: Network,
    faults: Vec<Fault>,
}

/// Weight and bias of a layer: its name, inputs and outputs.
pub(crate) fn layer_tensors((name, inputs, outputs): (String, usize, usize)) -> [TensorSpec; 2] {
    let tensor = |part: &str, shape| TensorSpec {
        name: format!("{name}.{part}"),
        shape,
    };
    [
        tensor("weight", vec![inputs, outputs]),
        tensor("bias", vec![outputs]),
    ]
}

impl<'a> Builder<'a> {
    fn new(config: &'a ModelConfig, plan: &'a Plan) -> Builder<'a> {
        let network = Network {
            kind: config.kind(),
            columns: Vec::new(),
            tables: Vec::new(),
            deep: Vec::new(),
            dense: Vec::new(),
            wide: Vec::new(),
            pairs: None,
            product: None,
            hidden: config.hidden.iter().map(|h| h.value).collect(),
            behind: Behind::of(config),
            loss: config.loss,
            meaning: config.meaning(),
            metrics: config.metrics(),
            linear: None,
            towers: None,
            matrix: None,
            graph: None,
        };
        Builder {
            config,
            plan,
            network,
            faults: Vec::new(),
        }
    }

    pub(crate) fn fault<T>(&mut self, at: &Located<T>, key: &str, message: impl Into<String>) {
        self.faults
            .push(self.config.source().fault(at.span.clone(), key, message));
    }

    /// Labels must be the conf's; a conf that is only served may name none.
    fn label(&mut self) {
        let config = self.config;
        for label in config.label.iter().chain(&config.labels) {
            let known = &self.plan.sample_spec().label;
            if known.is_empty() || known.contains(&label.value) {
                continue;
            }
            let message = format!("conf `{}` has no label `{}`", self.plan.name(), label.value);
            let names = known.iter().map(String::as_str);
            let source = config.source();
            self.faults
                .push(source.unknown(label.span.clone(), &label.value, message, names));
        }
    }

    /// Figures made user by user need users. A conf that is only served names no label; that of vectors names no user, but
    /// samples joined by ids have theirs.
    fn metrics(&mut self) {
        let spec = self.plan.sample_spec();
        if spec.group.is_some() || spec.label.is_empty() || self.plan.name() == VECTORS {
            return;
        }
        let config = self.config;
        for given in config.metrics.iter().filter(|given| given.value.is_by_user()) {
            let (name, conf) = (given.value.name(), self.plan.name());
            let message =
                format!("`{name}` is made user by user, and conf `{conf}` names no user: `sample.group`");
            self.fault(given, "metrics", message);
        }
    }

    /// Adds the embedding columns of the file to the deep part.
    pub(crate) fn embeddings(&mut self) {
        let config = self.config;
        for embedding in &config.embedding {
            let table = self.table(embedding_table(embedding));
            for slot in &embedding.slots {
                if let Some(column) = self.column(slot, table, embedding.pooling.into()) {
                    self.network.deep.push(column);
                }
            }
        }
    }

    /// Adds the dense slots of the file to the deep part.
    pub(crate) fn dense(&mut self) {
        let config = self.config;
        for slot in &config.dense.slots {
            match self.find(slot) {
                Some(spec) if spec.kind == SlotKind::Sparse => {
                    self.fault(
                        slot,
                        "slots",
                        format!("slot {} is sparse, `dense` takes floats", slot.value),
                    );
                }
                Some(spec) => self.network.dense.push(spec),
                None => {}
            }
        }
    }

    /// Adds one column of the wide part, with a table of its own.
    pub(crate) fn wide(&mut self, slot: &Located<u32>, weights: &Weights) {
        let table = self.table(TableSpec {
            name: format!("wide.{}", slot.value),
            dim: 1,
            role: Role::Wide,
            min_count: weights.min_count,
            l2: weights.l2,
            init: None,
            buckets: weights.buckets,
            expire: weights.expire,
        });
        if let Some(column) = self.column(slot, table, Pooling::Sum) {
            self.network.wide.push(column);
        }
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, spec: TableSpec) -> usize {
        self.network.tables.push(spec);
        self.network.tables.len() - 1
    }

    /// Adds a sparse column; a fault if the slot cannot be one.
    pub(crate) fn column(&mut self, slot: &Located<u32>, table: usize, pooling: Pooling) -> Option<usize> {
        let spec = self.find(slot)?;
        if spec.kind != SlotKind::Sparse {
            self.fault(
                slot,
                "slots",
                format!("slot {} is dense, a table takes signs", slot.value),
            );
            return None;
        }
        self.network.columns.push(Column {
            slot: spec,
            table,
            pooling,
        });
        Some(self.network.columns.len() - 1)
    }

    /// Returns the embedding slots of the file that are of a group.
    pub(crate) fn embedding_slots(&self, group: Group) -> Vec<Located<u32>> {
        let slots = self.config.embedding.iter().flat_map(|e| &e.slots);
        slots
            .filter(|s| self.plan.slot(s.value).is_some_and(|spec| spec.group == group))
            .cloned()
            .collect()
    }

    /// Makes the network the linear model of the file, a row having factors for `fields` fields.
    pub(crate) fn linear(&mut self, fields: impl FnOnce(usize) -> usize) {
        let config = self.config;
        let Some(linear) = &config.linear else {
            return;
        };
        let slots: Vec<SlotSpec> = linear.slots.iter().filter_map(|slot| self.find(slot)).collect();
        let mut seen = BTreeSet::new();
        for slot in linear.slots.iter().filter(|s| !seen.insert(s.value)) {
            self.fault(slot, "slots", format!("slot {} is given twice", slot.value));
        }
        let part = LinearPart::new(slots, fields(linear.slots.len()), linear);
        self.table(part.table());
        self.network.linear = Some(part);
    }

    /// Has all pairs of the deep columns multiplied; their vectors must be equally long.
    pub(crate) fn pairs(&mut self) {
        self.network.pairs = self.one_dim("deepfm");
    }

    /// The numbers of every embedding of the file, for a kind that multiplies them: a fault where they differ.
    pub(crate) fn one_dim(&mut self, kind: &str) -> Option<usize> {
        let config = self.config;
        let mut dims = config.embedding.iter().map(|e| &e.dim);
        let Some(first) = dims.next() else {
            let message = format!("kind `{kind}` needs `embedding`: it multiplies vectors");
            self.fault(&config.kind, "embedding", message);
            return None;
        };
        for dim in dims.filter(|dim| dim.value != first.value) {
            let message = format!(
                "kind `{kind}` multiplies vectors: `dim` is {}, expected {}",
                dim.value, first.value
            );
            self.fault(dim, "dim", message);
        }
        Some(first.value)
    }

    /// Names of what a network of several outputs learns: its labels.
    pub(crate) fn tasks(&self) -> Vec<String> {
        let given = self.config.labels.iter().map(|label| label.value.clone());
        let given: Vec<String> = given.collect();
        if given.is_empty() {
            return self.plan.sample_spec().label.clone();
        }
        given
    }

    /// Adds the columns and dense slots of one tower, all of `group`.
    pub(crate) fn tower(&mut self, name: &'static str, group: Group, tower: &TowerConfig) -> Tower {
        let from = self.network.dense.len();
        let mut columns = Vec::new();
        self.tower_slots((name, group), &tower.slots, &mut columns);
        let content = (columns.len(), self.network.dense.len());
        if let Some(preference) = &tower.preference {
            self.tower_slots((name, group), &preference.slots, &mut columns);
        }
        let until = self.network.dense.len();
        let preference = tower.preference.as_ref().map(|given| Preference {
            columns: columns.len() - content.0,
            dense: until - content.1,
            absent: self.absent((name, group), given, until > content.1),
            dropout: given.dropout(),
        });
        Tower {
            name,
            columns,
            dense: from..until,
            preference,
            outputs: tower.hidden.iter().map(|size| size.value).collect(),
            last: ActivationName::Linear,
            squeezed: tower
                .senet
                .as_ref()
                .map(|ratio| (tower.slots.len() / ratio.value).max(1)),
        }
    }

    /// Adds slots of a tower: sparse ones to `columns`, dense ones to the network's.
    fn tower_slots(
        &mut self,
        (name, group): (&str, Group),
        slots: &[Located<u32>],
        columns: &mut Vec<usize>,
    ) {
        for slot in slots {
            match self.of_tower((name, group), slot) {
                Some(spec) if spec.kind == SlotKind::Sparse => columns.extend(self.embedded(slot)),
                Some(spec) => self.network.dense.push(spec),
                None => {}
            }
        }
    }

    /// Finds a slot of a tower; a fault where it rests on anything else.
    fn of_tower(&mut self, (name, group): (&str, Group), slot: &Located<u32>) -> Option<SlotSpec> {
        let spec = self.find(slot)?;
        if spec.group == group {
            return Some(spec);
        }
        let (found, needed) = (rests(spec.group), rests(group));
        let message = format!(
            "slot {} rests on {found}, tower `{name}` reads {needed}",
            slot.value
        );
        self.fault(slot, "slots", message);
        None
    }

    /// Adds the dense slot that says whether a preference is missing; one of numbers needs it.
    fn absent(&mut self, tower: (&str, Group), given: &PreferenceConfig, numbers: bool) -> Option<usize> {
        let Some(slot) = &given.absent else {
            if let (true, Some(first)) = (numbers, given.slots.first()) {
                let message = "numbers do not say whether they are there: `preference` with dense slots needs `absent`, a slot of \
                               operator `is_missing`";
                self.fault(first, "absent", message);
            }
            return None;
        };
        let spec = self.of_tower(tower, slot)?;
        if spec.kind == SlotKind::Sparse {
            let message = format!("slot {} is sparse, `absent` takes floats", slot.value);
            self.fault(slot, "absent", message);
            return None;
        }
        self.network.dense.push(spec);
        Some(self.network.dense.len() - 1)
    }

    /// Adds the column of a slot over the table that `embedding` gives it.
    pub(crate) fn embedded(&mut self, slot: &Located<u32>) -> Option<usize> {
        self.tabled(slot, None)
    }

    /// The same, the rows of the slot's signs staying apart.
    pub(crate) fn listed(&mut self, slot: &Located<u32>) -> Option<usize> {
        self.tabled(slot, Some(Pooling::Apart))
    }

    fn tabled(&mut self, slot: &Located<u32>, pooling: Option<Pooling>) -> Option<usize> {
        let config = self.config;
        let mut entries = config.embedding.iter();
        let Some(embedding) = entries.find(|e| e.slots.iter().any(|s| s.value == slot.value)) else {
            let message = format!("slot {} is sparse, and no `embedding` has it", slot.value);
            self.fault(slot, "slots", message);
            return None;
        };
        let known = self
            .network
            .tables
            .iter()
            .position(|table| table.name == embedding.table.value);
        let table = known.unwrap_or_else(|| self.table(embedding_table(embedding)));
        self.column(slot, table, pooling.unwrap_or(embedding.pooling.into()))
    }

    /// What has been composed so far.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    pub(crate) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Refuses embeddings that no tower reads.
    pub(crate) fn every_embedding_is_read(&mut self) {
        let config = self.config;
        let towers = config.tower.iter().flat_map(crate::config::TowersConfig::named);
        let read: BTreeSet<u32> = towers
            .flat_map(|(_, tower)| tower.every_slot().map(|slot| slot.value))
            .collect();
        for slot in config.embedding.iter().flat_map(|e| &e.slots) {
            if !read.contains(&slot.value) {
                self.fault(slot, "slots", format!("slot {} is in no tower", slot.value));
            }
        }
    }

    /// Makes the network the model of who met what that the file describes.
    pub(crate) fn matrix(&mut self) {
        let config = self.config;
        let Some(matrix) = &config.matrix else {
            return;
        };
        let mut slot = |slot: &Located<u32>, group| {
            let spec = self.find(slot)?;
            if spec.kind == SlotKind::Sparse && spec.group == group {
                return Some(spec);
            }
            let (number, found, needed) = (slot.value, rests(spec.group), rests(group));
            let message = match spec.kind {
                SlotKind::Dense(_) => format!("slot {number} is dense, a table takes signs"),
                SlotKind::Sparse => {
                    format!("slot {number} rests on {found}, expected one that rests on {needed}")
                }
            };
            self.fault(slot, "slots", message);
            None
        };
        let user = matrix.user.as_ref().and_then(|user| slot(user, Group::Common));
        let history = matrix
            .history
            .as_ref()
            .and_then(|history| slot(history, Group::Common));
        let Some(item) = slot(&matrix.item, Group::Item) else {
            return;
        };
        if let (Some(history), Some(at)) = (&history, &matrix.history)
            && history.signs != item.signs
        {
            let (one, other) = (at.value, matrix.item.value);
            let message = format!(
                "slot {one} shares no signs with the items of slot {other}: give its feature `share = {other}`"
            );
            self.fault(at, "history", message);
        }
        let part = MatrixPart::new((config.kind(), matrix), user, item, history);
        self.network.tables.extend(part.tables());
        self.network.matrix = Some(part);
    }

    /// Gives the network its towers, whose vectors must be equally long.
    pub(crate) fn towers(&mut self, (user, item, context): (Tower, Tower, Tower), config: &TowersConfig) {
        let last = config.last;
        let (user, item) = (Tower { last, ..user }, Tower { last, ..item });
        let mut dim = user.vector_width(&self.network);
        let items = item.vector_width(&self.network);
        let at = &self.config.kind;
        if config.only() == Some(Group::Item) {
            dim = items;
        }
        let slots = user.columns.len() + user.dense.len() > 0 && item.columns.len() + item.dense.len() > 0;
        if dim != items && slots {
            let message =
                format!("the item's vector has {items} numbers, the user's {dim}: they must be equal");
            self.fault(at, "hidden", message);
        }
        if config.only().is_none() {
            self.objective_slots(&user, &item);
            self.regression(&user, &item);
        }
        let kind = self.config.kind();
        self.network.towers = Some(Towers {
            user,
            item,
            context,
            dim,
            combination: config.combination(kind),
            temperature: config.temperature(kind),
            scale: config.scale.as_ref().map(|scale| scale.value),
            only: config.only(),
        });
    }

    /// The slots that tell users and items apart must be sparse ones of their towers.
    fn objective_slots(&mut self, user: &Tower, item: &Tower) {
        let config = self.config;
        let Some(objective) = &config.objective else {
            return;
        };
        for (slot, tower) in [(&objective.user, user), (&objective.item, item)] {
            let Some(slot) = slot else { continue };
            let mut columns = tower.columns.iter().map(|c| self.network.columns[*c].slot.slot);
            if !columns.any(|column| column == slot.value) {
                let message = format!("slot {} is no sparse slot of tower `{}`", slot.value, tower.name);
                self.fault(slot, tower.name, message);
            }
        }
    }

    /// What a regression learns are products of preferences: dense on both sides, equally long.
    fn regression(&mut self, user: &Tower, item: &Tower) {
        let config = self.config;
        let objective = config.objective();
        if objective.kind != ObjectiveKind::Mix || objective.mix.regression <= 0.0 {
            return;
        }
        let numbers = |tower: &Tower| {
            tower
                .preference_dense(&self.network)
                .map_or(0, |range| range.len())
        };
        let (users, items) = (numbers(user), numbers(item));
        if users == 0 || users != items {
            let message = format!(
                "`regression` learns the product of both preferences: dense slots, equally many numbers; the user's has \
                 {users}, the item's {items}"
            );
            self.fault(&config.kind, "regression", message);
        }
    }

    pub(crate) fn product(&mut self, product: Product) {
        self.network.product = Some(product);
    }

    pub(crate) fn find(&mut self, slot: &Located<u32>) -> Option<SlotSpec> {
        let found = self.plan.slot(slot.value).cloned();
        if found.is_none() {
            let message = format!("conf `{}` has no slot {}", self.plan.name(), slot.value);
            self.fault(slot, "slots", message);
        }
        found
    }

    fn finish(mut self) -> Result<Network, Faults> {
        let named = self.config.conf.as_deref().unwrap_or_default();
        if named != self.plan.name() {
            let message = format!(
                "the model reads conf `{named}`, this is conf `{}`",
                self.plan.name()
            );
            self.faults.push(
                self.config
                    .source()
                    .fault(self.config.kind.span.clone(), "conf", message),
            );
        }
        Faults(self.faults).check()?;
        Ok(self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, CONF, EMBEDDING_MLP, NEURAL_CF, WIDE_DEEP, network};

    fn faults(text: &str) -> Vec<String> {
        let config = ModelConfig::parse(text, "m.toml").unwrap();
        let faults = Network::compile(&config, &testing::plan()).unwrap_err();
        faults.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn inputs_stand_in_the_order_of_the_file() {
        let network = network(EMBEDDING_MLP);
        let slots: Vec<u32> = network
            .deep
            .iter()
            .map(|c| network.columns[*c].slot.slot)
            .collect();
        assert_eq!(slots, [1, 5, 2, 30, 3, 4]);
        assert_eq!(
            (network.dense_width(), network.input_width()),
            (3, 5 + 5 + 17 + 17 + 4 + 3 + 3)
        );
        let layers = [
            ("hidden.0".to_owned(), 54, 19),
            ("hidden.1".to_owned(), 19, 6),
            ("output".to_owned(), 6, 1),
        ];
        assert_eq!(network.layers(), layers);
        assert!(network.wide.is_empty() && network.product.is_none());
    }

    #[test]
    fn wide_slots_have_tables_of_their_own() {
        let network = network(WIDE_DEEP);
        let wide: Vec<_> = network
            .wide
            .iter()
            .map(|c| &network.tables[network.columns[*c].table])
            .collect();
        assert_eq!(
            wide.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(),
            ["wide.30", "wide.4", "wide.5"]
        );
        assert!(wide.iter().all(|t| t.dim == 1 && t.role == Role::Wide));
    }

    #[test]
    fn the_product_has_its_own_tables_by_side() {
        let network = network(NEURAL_CF);
        let product = network.product.as_ref().unwrap();
        let slot = |columns: &[usize]| network.columns[columns[0]].slot.slot;
        assert_eq!((slot(&product.user), slot(&product.item), product.dim), (1, 2, 6));
        assert_eq!(network.wide.len(), 2);
        assert!(network.tensors().contains(&TensorSpec {
            name: "gmf.weight".into(),
            shape: vec![6]
        }));
    }

    #[test]
    fn every_slot_that_cannot_be_is_named_with_its_line() {
        let text = "format = 1\nkind = \"widedeep\"\nconf = \"other\"\nembedding = [{ slots = [1, 20], table = \"t\", dim = 2 }]\n\
                    dense = { slots = [2, 99] }\nwide = { slots = [21] }\n";
        let expected = [
            "m.toml:2:8: the model reads conf `other`, this is conf `movie`",
            "m.toml:4:28: slot 20 is dense, a table takes signs",
            "m.toml:5:20: slot 2 is sparse, `dense` takes floats",
            "m.toml:5:23: conf `movie` has no slot 99",
            "m.toml:6:19: slot 21 is dense, a table takes signs",
        ];
        assert_eq!(faults(text), expected);
        assert!(CONF.contains("slot = 21"));
    }

    #[test]
    fn a_label_that_the_conf_has_not_is_named_with_its_line_and_the_nearest() {
        let text = EMBEDDING_MLP.replacen("conf = \"movie\"\n", "conf = \"movie\"\nlabel = \"lable\"\n", 1);
        let line = 1 + text.lines().position(|line| line.starts_with("label")).unwrap();
        assert_eq!(
            faults(&text),
            [format!(
                "m.toml:{line}:9: conf `movie` has no label `lable` (did you mean `label`?)"
            )]
        );
        let good = text.replace("lable", "label");
        let config = ModelConfig::parse(&good, "m.toml").unwrap();
        Network::compile(&config, &testing::plan()).unwrap();
    }

    #[test]
    fn figures_of_users_need_a_conf_that_names_them() {
        let named =
            |metrics: &str| EMBEDDING_MLP.replacen("hidden", &format!("metrics = {metrics}\nhidden"), 1);
        let found = faults(&named("[\"auc\", \"gauc\"]"));
        let expected = "`gauc` is made user by user, and conf `movie` names no user: `sample.group`";
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:?}");
        let network = network(&named("[\"auc\", \"mae\"]"));
        assert!(network.metrics.has(crate::config::MetricName::Mae) && !network.metrics.is_all());
    }

    #[test]
    fn kinds_without_a_network_or_a_side_are_refused() {
        let one_sided = "format = 1\nkind = \"neuralcf\"\nconf = \"movie\"\n\
                         embedding = [{ slots = [1], table = \"t\", dim = 2 }]\n";
        assert_eq!(
            faults(one_sided),
            ["m.toml:2:8: kind `neuralcf` needs an embedding of a slot of the item side"]
        );
        let product = "format = 1\nkind = \"neuralcf\"\nconf = \"movie\"\ngmf = { dim = 2, slots = [1, 30] }\nhidden = [3]\n";
        assert_eq!(
            faults(product),
            [
                "m.toml:2:8: kind `neuralcf` needs a slot in `gmf.slots` of the item side",
                "m.toml:4:30: slot 30 rests on both sides, a factor on one",
                "m.toml:5:11: `hidden` reads `embedding` and `dense`, and neither is given",
            ]
        );
        let vectors = "format = 1\nkind = \"item2vec\"\nconf = \"movie\"\n";
        assert_eq!(
            faults(vectors),
            ["m.toml:2:8: `item2vec` has vectors, no network"]
        );
    }
}
