//! The split scorer and the learner against the formula, against PyTorch, and against themselves in batches.

use super::*;
use crate::testing::{self, Random, assert_batch_is_one_by_one, part_of, parts, plan, sample, score};
use crate::{ModelConfig, ModelError, Network, Parameters, Scorer, Table, Tensor};
use proptest::prelude::*;
use rankine_feature::{Part, Plan};
use rankine_kernel::factor::{Entries, FactorTable, Learner, Rates, Rule, RuleKind};

const LR: &str =
    "format = 1\nkind = \"lr\"\nconf = \"movie\"\nlinear = { slots = [1, 2, 3, 4, 20, 21, 30] }\n";
const FM: &str =
    "format = 1\nkind = \"fm\"\nconf = \"movie\"\nlinear = { slots = [1, 2, 3, 4, 20, 21, 30], k = 5 }\n";
const FFM: &str =
    "format = 1\nkind = \"ffm\"\nconf = \"movie\"\nlinear = { slots = [1, 21, 2, 3, 30, 4, 20], k = 4 }\n";
const ONE_SIDED: &str = "format = 1\nkind = \"ffm\"\nconf = \"movie\"\nlinear = { slots = [1, 3, 20], k = 3, hash_bits = 6, missing = false }\n";
const NO_CROSS: &str = "format = 1\nkind = \"fm\"\nconf = \"movie\"\nloss = \"mse\"\nlinear = { slots = [2, 1, 4, 5], k = 20, hash_bits = 5 }\n";
const MODELS: [&str; 5] = [LR, FM, FFM, ONE_SIDED, NO_CROSS];

fn network(text: &str) -> Network {
    testing::network(text)
}

/// Random rows for the keys of samples 0..40, missing rows among them for half of the slots.
fn parameters(network: &Network, seed: u64) -> Parameters<f32> {
    let (part, plan, mut random) = (network.linear.as_ref().unwrap(), plan(), Random(seed));
    let mut rows = Table::plain(part.table().dim);
    for at in 0..40 {
        let parts = parts(&plan, &sample(at));
        for slot in part.slots.iter().filter(|s| s.slot % 2 == 0 || at % 2 == 0) {
            part.entries(slot, part_of(&parts, slot.group), |key, _| {
                rows.intern(key, |row| row.iter_mut().for_each(|w| *w = random.number()));
            });
        }
    }
    let mut parameters = Parameters::default();
    parameters.tables.insert(TABLE.to_owned(), rows);
    parameters
        .dense
        .insert(BIAS.to_owned(), Tensor::new(&[1], vec![0.25]));
    parameters
}

/// (row, field, value) of everything a sample contributes: unknown signs read the slot's missing row, or nothing.
fn entries(part: &LinearPart, table: &Table<f64>, parts: &[Part; 3]) -> Vec<(u32, usize, f64)> {
    let mut all = Vec::new();
    for (field, slot) in part.slots.iter().enumerate() {
        part.entries(slot, part_of(parts, slot.group), |key, x| {
            let row = match table.row(key) {
                0 if part.missing => table.row(part.keys.of(slot.slot, Keys::MISSING)),
                row => row,
            };
            all.push((row, field, f64::from(x)));
        });
    }
    all
}

/// The formula, written down without groups.
fn logit(network: &Network, parameters: &Parameters<f64>, parts: &[Part; 3]) -> f64 {
    let part = network.linear.as_ref().unwrap();
    let (table, k, fields) = (&parameters.tables[TABLE], part.shape.k, part.shape.fields);
    let entries = entries(part, table, parts);
    let mut logit = parameters.dense[BIAS].data[0];
    for (i, (row, f, x)) in entries.iter().enumerate() {
        logit += x * table.weights(*row)[0];
        for (other, g, y) in entries[i + 1..].iter().filter(|_| fields > 0) {
            let (f, g) = if fields == 1 { (0, 0) } else { (*f, *g) };
            let (v, u) = (
                &table.weights(*row)[1 + g * k..],
                &table.weights(*other)[1 + f * k..],
            );
            logit += x * y * v.iter().zip(u).take(k).map(|(a, b)| a * b).sum::<f64>();
        }
    }
    logit
}

#[test]
fn the_split_equals_the_formula() {
    for text in MODELS {
        let (network, plan) = (network(text), plan());
        let small = parameters(&network, 3);
        let wide = small.convert::<f64>();
        let (f32s, f64s) = (
            Scorer::new(&network, &small).unwrap(),
            Scorer::new(&network, &wide).unwrap(),
        );
        assert_eq!(f32s.has_cross(), text.contains("30"));
        for seed in 0..80 {
            let parts = parts(&plan, &sample(seed));
            let logit = logit(&network, &wide, &parts);
            let expected = if text.contains("mse") {
                logit
            } else {
                testing::sigmoid(logit)
            };
            let (exact, got) = (score(&f64s, &parts), f64::from(score(&f32s, &parts)));
            assert!(
                (exact - expected).abs() < 1e-11 * (1.0 + expected.abs()),
                "{text} {seed}: {exact} {expected}"
            );
            assert!(
                (got - expected).abs() < 2e-5 * (1.0 + expected.abs()),
                "{text} {seed}: {got} {expected}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Batch of N = N × batch of 1 = any permutation = with reused buffers, bit for bit.
    #[test]
    fn scores_do_not_depend_on_the_batch(order in proptest::collection::vec(0u64..90, 1..150), user in 0u64..90) {
        for text in MODELS {
            let network = network(text);
            let scorer = Scorer::new(&network, &parameters(&network, 5)).unwrap();
            assert_batch_is_one_by_one(&scorer, &order, user);
        }
    }
}

#[test]
fn faults_of_linear_models_are_named_with_their_lines() {
    let faults = |text: &str| -> Vec<String> {
        let config = ModelConfig::parse(text, "m.toml");
        let faults = config
            .and_then(|config| Network::compile(&config, &plan()).map(|_| ()))
            .unwrap_err();
        faults.0.iter().map(ToString::to_string).collect()
    };
    let text = "format = 1\nkind = \"lr\"\nconf = \"movie\"\nlinear = { slots = [], k = 3, hash_bits = 40 }\n\
                hidden = [3]\ntrain = { batch = 3 }\noptimizer.linear = { kind = \"adagrad\", l1 = 0.1 }\n";
    let expected = [
        "m.toml:2:8: kind `lr` has no `hidden`",
        "m.toml:2:8: `linear` has no slots",
        "m.toml:4:28: kind `lr` has no factors, so no `k`",
        "m.toml:4:43: `hash_bits` is 40, expected 1 to 31",
        "m.toml:6:19: kind `lr` has no `train.batch`; it learns sample by sample, with its optimiser's own rates",
        "m.toml:7:45: only `ftrl` has `l1`",
    ];
    assert_eq!(faults(text), expected);
    let text = "format = 1\nkind = \"ffm\"\nconf = \"movie\"\nlinear = { slots = [1, 99, 1], k = 2 }\n";
    let expected = [
        "m.toml:4:24: conf `movie` has no slot 99",
        "m.toml:4:28: slot 1 is given twice",
    ];
    assert_eq!(faults(text), expected);
    let text = "format = 1\nkind = \"widedeep\"\nconf = \"movie\"\nembedding = [{ slots = [1], table = \"t\", dim = 2 }]\n\
                wide = { slots = [30] }\nlinear = { slots = [1] }\ntrain = { threads = 2, cache = \"keep\" }\n";
    assert_eq!(faults(text), ["m.toml:2:8: kind `widedeep` has no `linear`"]);
    assert_eq!(
        faults("format = 1\nkind = \"fm\"\nconf = \"movie\"\nlinear = { slots = [1] }\n"),
        ["m.toml:2:8: kind `fm` needs `k`"]
    );
}

#[test]
fn rows_of_another_width_are_refused() {
    let network = network(FM);
    let mut changed = parameters(&network, 1);
    changed.tables.insert(TABLE.to_owned(), Table::plain(3));
    let fault: ModelError = Scorer::new(&network, &changed).map(|_| ()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "parameters: tensor `linear`: expected rows of 6, got rows of 3"
    );
}

/// The oracle: four fields of seven values.
struct Oracle(serde_json::Value);

impl Oracle {
    fn read() -> Oracle {
        Oracle(serde_json::from_str(include_str!("../../tests/data/golden_linear.json")).unwrap())
    }

    fn floats(&self, path: &[&str]) -> Vec<f64> {
        fn flat(json: &serde_json::Value) -> Vec<f64> {
            let list = json.as_array().map(|list| list.iter().flat_map(flat).collect());
            list.unwrap_or_else(|| vec![json.as_f64().unwrap()])
        }
        flat(path.iter().fold(&self.0, |json, key| &json[*key]))
    }

    fn rows(&self) -> Vec<[i64; 4]> {
        let rows = self.0["X"].as_array().unwrap().iter();
        rows.map(|row| [0, 1, 2, 3].map(|f| row[f].as_i64().unwrap()))
            .collect()
    }

    /// Row of a field's value.
    fn row(field: usize, value: i64) -> u32 {
        u32::try_from(field as i64 * 7 + value).unwrap()
    }

    /// A table of the oracle's weights, factors only for the machine.
    fn table(&self, k: usize) -> FactorTable<f64> {
        let (w, v) = (self.floats(&["w"]), self.floats(&["v"]));
        let rates = Rates {
            rate: 1.0,
            l1: 0.0,
            l2: 0.0,
        };
        let rule = Rule {
            kind: RuleKind::Sgd,
            weight: rates,
            factor: rates,
        };
        let mut table = FactorTable::new(
            Shape {
                fields: usize::from(k > 0),
                k,
            },
            rule,
        );
        for _ in 0..28 {
            table.push(|_| ()).unwrap();
        }
        let (lanes, mut all) = (table.shape().lanes(), Vec::new());
        for row in 0..28 {
            let mut numbers = vec![0.0; lanes];
            numbers[..k].copy_from_slice(&v[row * 3..row * 3 + k]);
            numbers[lanes - 1] = w[row];
            all.extend(numbers);
        }
        all.extend(self.floats(&["b"]));
        table.load_weights(&all);
        table
    }
}

#[test]
fn logits_and_gradients_are_those_of_torch() {
    let oracle = Oracle::read();
    for (name, k) in [("lr", 0), ("fm", 3)] {
        // Rate 1 and plain descent: what a step takes away is the gradient. Steps are summed over samples of the mean loss.
        let labels = oracle.floats(&["y"]);
        let (mut w, mut v, mut b) = (vec![0.0; 28], vec![0.0; 28 * k], 0.0);
        for (at, x) in oracle.rows().iter().enumerate() {
            let table = oracle.table(k);
            let rows = [0, 1, 2, 3].map(|f| Oracle::row(f, x[f]));
            let entries = Entries {
                rows: &rows,
                fields: &[0; 4],
                values: &[1.0; 4],
            };
            let mut learner = Learner::new(&table);
            let logit = learner.predict(&table, entries);
            assert!(
                (logit - oracle.floats(&[name, "logit"])[at]).abs() < 1e-12,
                "{name}"
            );
            learner.update(&table, entries, (testing::sigmoid(logit) - labels[at]) / 5.0, &[]);
            let first = oracle.table(k);
            let (mut before, mut after) = (vec![0.0; k], vec![0.0; k]);
            for row in 0..28 {
                let number = u32::try_from(row).unwrap();
                w[row] += first.read(number, &mut before) - table.read(number, &mut after);
                (0..k).for_each(|c| v[row * k + c] += before[c] - after[c]);
            }
            b += first.bias() - table.bias();
        }
        let near = |got: &[f64], key: &str| {
            let expected = oracle.floats(&[name, "grads", key]);
            assert_eq!(got.len(), expected.len());
            assert!(
                got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-12),
                "{name} {key}"
            );
        };
        near(&w, "w");
        near(&[b], "b");
        if k > 0 {
            near(&v, "v");
        }
    }
}

#[test]
fn the_scorer_agrees_with_torch() {
    let oracle = Oracle::read();
    let mut conf = "format = 1\nname = \"c\"\nschema.user = [{ name = \"x0\", type = \"int\" }, { name = \"x1\", type = \
                    \"int\" }]\nschema.item = [{ name = \"x2\", type = \"int\" }, { name = \"x3\", type = \"int\" }]\n"
        .to_owned();
    for f in 0..4 {
        conf += &format!(
            "[[feature]]\nname = \"f{f}\"\nclass = \"id\"\nslot = {}\ndepend = [\"x{f}\"]\n",
            f + 1
        );
    }
    let plan = Plan::compile(&conf, "c.toml", None).unwrap();
    for (name, k) in [("lr", 0), ("fm", 3)] {
        let more = if k > 0 { ", k = 3" } else { "" };
        let text = format!(
            "format = 1\nkind = \"{name}\"\nconf = \"c\"\nlinear = {{ slots = [1, 2, 3, 4]{more} }}\n"
        );
        let network = Network::compile(&ModelConfig::parse(&text, "m.toml").unwrap(), &plan).unwrap();
        let part = network.linear.as_ref().unwrap();
        let (given, mut table) = (oracle.table(k), Table::<f64>::plain(1 + k));
        for f in 0..4 {
            for value in 0..7 {
                let slot = u32::try_from(f + 1).unwrap();
                let key = part.keys.of(slot, rankine_feature::sign::int(slot, value));
                table.intern(key, |row| {
                    row[0] = given.read(Oracle::row(f, value), &mut vec![0.0; k]);
                    given.read(Oracle::row(f, value), &mut row[1..]);
                });
            }
        }
        let mut parameters = Parameters::default();
        parameters.tables.insert(TABLE.to_owned(), table);
        parameters
            .dense
            .insert(BIAS.to_owned(), Tensor::new(&[1], vec![given.bias()]));
        let scorer = Scorer::new(&network, &parameters).unwrap();
        for (at, x) in oracle.rows().iter().enumerate() {
            let values = x.map(rankine_feature::Value::Int);
            let one = crate::GoldenSample {
                user: values[..2].to_vec(),
                item: values[2..].to_vec(),
                context: vec![],
            };
            let got = score(&scorer, &parts(&plan, &one));
            assert!(
                (got - oracle.floats(&[name, "prob"])[at]).abs() < 1e-12,
                "{name} {at}: {got}"
            );
        }
    }
}

#[test]
fn a_published_model_opens_with_the_same_scores() {
    for text in [LR, FFM, NO_CROSS] {
        let (network, home) = (network(text), tempfile::tempdir().unwrap());
        let draft = crate::Draft {
            name: "m".to_owned(),
            config: text.to_owned(),
            plan: Some(plan()),
            parameters: parameters(&network, 7),
            golden: (0..5).map(sample).collect(),
            ..crate::Draft::default()
        };
        crate::publish(home.path(), &draft, 1).unwrap();
        let artefact = crate::Artefact::open(&home.path().join("m/1")).unwrap();
        assert_eq!(
            artefact.manifest().inputs.len(),
            network.linear.as_ref().unwrap().slots.len()
        );
        let scorer = Scorer::new(&network, &draft.parameters).unwrap();
        for seed in 0..60 {
            let parts = parts(&plan(), &sample(seed));
            let got = score(artefact.scorer().unwrap(), &parts);
            assert_eq!(got.to_bits(), score(&scorer, &parts).to_bits());
        }
    }
}
