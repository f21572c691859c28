//! The split scorer against the formula, against PyTorch, and against itself in batches.

use super::*;
use crate::testing::{
    self, MODELS, assert_batch_is_one_by_one, network, parameters, parts, plan, sample, score,
};
use crate::{ModelConfig, Table};
use proptest::prelude::*;
use rankine_feature::{Plan, Scratch, Value};

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
        for seed in 0..60 {
            let parts = parts(&plan, &sample(seed));
            let logit = testing::logit(&network, &wide, &parts);
            let expected = if network.loss == Loss::Bce {
                testing::sigmoid(logit)
            } else {
                logit
            };
            assert!(
                (score(&f64s, &parts) - expected).abs() < 1e-12,
                "{:?} sample {seed}",
                network.kind
            );
            assert!(
                (f64::from(score(&f32s, &parts)) - expected).abs() < 1e-5,
                "{:?} sample {seed}",
                network.kind
            );
        }
    }
}

#[test]
fn the_logit_is_what_the_score_is_made_of_and_slots_that_are_read_are_told() {
    for text in MODELS.into_iter().chain([testing::DSSM]) {
        let (network, plan) = (network(text), plan());
        let wide = parameters(&network, 3).convert::<f64>();
        let scorer = Scorer::new(&network, &wide).unwrap();
        let mut s = ScoreScratch::default();
        for seed in 0..20 {
            let parts = parts(&plan, &sample(seed));
            let (mut item, mut common) = (Hidden::default(), Hidden::default());
            scorer.item(&parts[1], &mut item);
            scorer.common(&parts[0], &mut common);
            let logit = scorer.logit(&common, &item, &parts[2], &mut s);
            let expected = testing::logit(&network, &wide, &parts);
            assert!(
                (logit - expected).abs() < 1e-12,
                "{:?} sample {seed}",
                network.kind
            );
            let score = scorer.score(&common, &item, &parts[2], &mut s);
            assert_eq!(score.to_bits(), output(logit, network.loss).to_bits());
        }
        let linear = network.linear.iter().flat_map(|part| &part.slots);
        let columns = network.columns.iter().map(|column| &column.slot);
        let read: Vec<u32> = columns
            .chain(&network.dense)
            .chain(linear)
            .map(|spec| spec.slot)
            .collect();
        for spec in plan.slots() {
            assert_eq!(
                scorer.reads(spec.slot),
                read.contains(&spec.slot),
                "{text} slot {}",
                spec.slot
            );
        }
        assert!(!read.is_empty() && !scorer.reads(9_999));
    }
}

#[test]
fn many_parts_together_have_the_bits_of_one_by_one() {
    for text in MODELS.into_iter().chain(DEEP_ALONE) {
        let (network, plan) = (network(text), plan());
        let scorer = Scorer::new(&network, &parameters(&network, 5)).unwrap();
        let parts: Vec<[Part; 3]> = (0..150).map(|seed| parts(&plan, &sample(seed))).collect();
        let mut s = ScoreScratch::default();
        for count in [0, 1, 7, 64, 65, 150] {
            let (mut items, mut commons) = (vec![Hidden::default(); count], vec![Hidden::default(); count]);
            scorer.items(&|i| &parts[i][1], &mut s, &mut items);
            scorer.commons(&|i| &parts[i][0], &mut s, &mut commons);
            for (i, part) in parts.iter().take(count).enumerate() {
                let (mut item, mut common) = (Hidden::default(), Hidden::default());
                scorer.item(&part[1], &mut item);
                scorer.common(&part[0], &mut common);
                assert_eq!(
                    (&items[i], &commons[i]),
                    (&item, &common),
                    "{:?} {i} of {count}",
                    network.kind
                );
            }
        }
    }
}

/// Models whose score rests on the dense layers alone: all kinds of columns; an item of numbers only; no numbers.
const DEEP_ALONE: [&str; 3] = [
    r#"format = 1
kind = "embeddingmlp"
conf = "movie"
embedding = [
    { slots = [1, 5], table = "who", dim = 5 },
    { slots = [2], table = "what", dim = 17 },
    { slots = [3], table = "seen", dim = 4, pooling = "sum" },
    { slots = [4], table = "genre", dim = 3 },
]
dense = { slots = [20, 21] }
hidden = [19, 6]
"#,
    r#"format = 1
kind = "embeddingmlp"
conf = "movie"
embedding = [{ slots = [1], table = "who", dim = 5 }]
dense = { slots = [21] }
hidden = [70]
activation = "tanh"
"#,
    r#"format = 1
kind = "embeddingmlp"
conf = "movie"
embedding = [{ slots = [1, 2], table = "id", dim = 16 }]
hidden = [33, 2]
loss = "mse"
"#,
];

#[test]
fn candidates_of_parts_made_anew_have_the_bits_of_one_by_one() {
    for text in DEEP_ALONE {
        let (network, plan) = (network(text), plan());
        let scorer = Scorer::new(&network, &parameters(&network, 5)).unwrap();
        let parts: Vec<[Part; 3]> = (0..300).map(|seed| parts(&plan, &sample(seed))).collect();
        let (mut s, mut kept) = (ScoreScratch::default(), Hidden::default());
        scorer.common(&parts[3][0], &mut kept);
        let user = |i: usize| &parts[i][0];
        let item = |i: usize| &parts[i][1];
        for count in [0, 1, 7, 300] {
            for (common, whose) in [(Common::Anew(&user), None), (Common::Kept(&kept), Some(3))] {
                let mut scores = vec![f32::NAN; count];
                assert!(scorer.score_anew(&common, &item, &mut s, &mut scores));
                for (i, got) in scores.iter().enumerate() {
                    let user = parts[whose.unwrap_or(i)][0].clone();
                    let one = [user, parts[i][1].clone(), parts[i][2].clone()];
                    assert_eq!(score(&scorer, &one).to_bits(), got.to_bits(), "{text} {i}");
                }
            }
        }
    }
}

#[test]
fn models_of_more_than_dense_layers_score_nothing_anew() {
    for text in MODELS {
        let (network, part) = (network(text), Part::default());
        let scorer = Scorer::new(&network, &parameters(&network, 5)).unwrap();
        let (common, mut scores) = (Hidden::default(), [7.0; 2]);
        let done = scorer.score_anew(
            &Common::Kept(&common),
            &|_| &part,
            &mut ScoreScratch::default(),
            &mut scores,
        );
        assert_eq!((done, scores), (false, [7.0; 2]), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Batch of N = N × batch of 1 = any permutation = with reused buffers, bit for bit.
    #[test]
    fn scores_do_not_depend_on_the_batch(order in proptest::collection::vec(0u64..90, 1..200), user in 0u64..90) {
        for text in MODELS {
            let network = network(text);
            let scorer = Scorer::new(&network, &parameters(&network, 5)).unwrap();
            assert_batch_is_one_by_one(&scorer, &order, user);
        }
    }
}

#[test]
fn buffers_are_reused_without_traces() {
    let (network, plan) = (network(MODELS[0]), plan());
    let scorer = Scorer::new(&network, &parameters(&network, 1)).unwrap();
    let (a, b) = (parts(&plan, &sample(1)), parts(&plan, &sample(2)));
    let (mut used, mut fresh) = (Hidden::default(), Hidden::default());
    scorer.item(&a[1], &mut used);
    scorer.item(&b[1], &mut used);
    scorer.item(&b[1], &mut fresh);
    assert_eq!(used, fresh);
    assert!(used.bytes() >= 19 * 4);
}

#[test]
fn parameters_that_do_not_fit_are_named() {
    let network = network(MODELS[2]);
    let fault = |change: &dyn Fn(&mut Parameters<f32>)| {
        let mut changed = parameters(&network, 1);
        change(&mut changed);
        Scorer::new(&network, &changed)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let expected = "parameters: tensor `output.bias`: expected [1], got nothing";
    assert_eq!(fault(&|p| drop(p.dense.remove("output.bias"))), expected);
    let expected = "parameters: tensor `gmf.weight`: expected [6], got [5]";
    assert_eq!(
        fault(&|p| drop(p.dense.insert("gmf.weight".into(), Tensor::zeros(&[5])))),
        expected
    );
    let expected = "parameters: tensor `wide.1`: expected rows of 1, got rows of 2";
    assert_eq!(
        fault(&|p| drop(p.tables.insert("wide.1".into(), Table::plain(2)))),
        expected
    );
    let expected = "parameters: tensor `user`: expected rows of 10, got nothing";
    assert_eq!(fault(&|p| drop(p.tables.remove("user"))), expected);
}

/// A model of the oracle: four fields, each a slot with an embedding table and a wide weight.
struct Oracle {
    json: serde_json::Value,
    plan: Plan,
}

impl Oracle {
    fn read(text: &str) -> Oracle {
        let json = serde_json::from_str(text).unwrap();
        let mut conf = "format = 1\nname = \"c\"\nschema.user = [{ name = \"x0\", type = \"int\" }, { name = \"x1\", \
            type = \"int\" }]\nschema.item = [{ name = \"x2\", type = \"int\" }, { name = \"x3\", type = \"int\" }]\n"
            .to_owned();
        for f in 0..4 {
            let slot = f + 1;
            conf += &format!(
                "[[feature]]\nname = \"f{f}\"\nclass = \"id\"\nslot = {slot}\ndepend = [\"x{f}\"]\n"
            );
        }
        Oracle {
            json,
            plan: Plan::compile(&conf, "c.toml", None).unwrap(),
        }
    }

    fn network(&self, (kind, more): (&str, &str), loss: &str) -> Network {
        let tables: Vec<String> = (1..5)
            .map(|s| format!("{{ slots = [{s}], table = \"v{s}\", dim = 3 }}"))
            .collect();
        let text = format!(
            "format = 1\nkind = \"{kind}\"\nconf = \"c\"\nembedding = [{}]\nwide = {{ slots = [1, 2, 3, 4] }}\n\
             hidden = [6]\nloss = \"{loss}\"\n{more}\n",
            tables.join(", ")
        );
        Network::compile(&ModelConfig::parse(&text, "m.toml").unwrap(), &self.plan).unwrap()
    }

    fn parts(&self, x: &[i64]) -> [Part; 3] {
        let (mut common, mut item) = (Part::default(), Part::default());
        let values: Vec<Value> = x.iter().map(|v| Value::Int(*v)).collect();
        self.plan
            .common(&values[..2], &[], &mut Scratch::default(), &mut common);
        self.plan.item(&values[2..], &mut Scratch::default(), &mut item);
        [common, item, Part::default()]
    }

    fn parameters(&self, network: &Network) -> Parameters<f64> {
        let (given, mut parameters) = (&self.json["params"], Parameters::default());
        for (value, id) in (0..7i64).enumerate() {
            let parts = self.parts(&[id; 4]);
            for (f, spec) in self.plan.slots().iter().enumerate() {
                let sign = testing::part_of(&parts, spec.group).sparse(spec.index).0[0];
                for (name, row) in [("v", &given["v"][f][value]), ("wide.", &given["w"][f][value])] {
                    let row = floats(row);
                    let table = parameters.tables.entry(format!("{name}{}", f + 1));
                    table
                        .or_insert_with(|| Table::plain(row.len()))
                        .intern(sign, |w| w.copy_from_slice(&row));
                }
            }
        }
        let names = ["hidden.0.weight", "hidden.0.bias", "output.weight", "output.bias"];
        for (name, key) in names.into_iter().zip(["W1", "b1", "W2", "b"]) {
            let shape = network
                .tensors()
                .into_iter()
                .find(|t| t.name == name)
                .unwrap()
                .shape;
            parameters
                .dense
                .insert(name.to_owned(), Tensor::new(&shape, floats(&given[key])));
        }
        parameters
    }
}

/// The numbers of nested lists, flat.
fn floats(json: &serde_json::Value) -> Vec<f64> {
    json.as_array().map_or_else(
        || vec![json.as_f64().unwrap()],
        |list| list.iter().flat_map(floats).collect(),
    )
}

fn agrees_with_the_oracle_in_f64(kind: (&str, &str), text: &str) {
    let oracle = Oracle::read(text);
    for (loss, key) in [("mse", "logit"), ("bce", "prob")] {
        let network = oracle.network(kind, loss);
        let scorer = Scorer::new(&network, &oracle.parameters(&network)).unwrap();
        let rows = oracle.json["X"].as_array().unwrap();
        for (x, expected) in rows.iter().zip(floats(&oracle.json[key])) {
            let x: Vec<i64> = x
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_i64().unwrap())
                .collect();
            let got = score(&scorer, &oracle.parts(&x));
            assert!((got - expected).abs() < 1e-12, "{key}: {got} is not {expected}");
        }
    }
}

#[test]
fn wide_and_deep_agrees_with_the_oracle() {
    let golden = include_str!("../../tests/data/golden_widedeep.json");
    agrees_with_the_oracle_in_f64(("widedeep", ""), golden);
}

#[test]
fn deep_fm_agrees_with_the_oracle() {
    let golden = include_str!("../../tests/data/golden_deepfm.json");
    agrees_with_the_oracle_in_f64(("deepfm", ""), golden);
}

#[test]
fn deep_fm_with_weighed_pairs_agrees_with_pytorch() {
    let pairs = "pairs = { of = [[1, 3], [2, 4], [3, 4]], only = [4], join = \"concat\" }";
    let golden = include_str!("../../tests/data/golden_deepfm_concat.json");
    agrees_with_the_oracle_in_f64(("deepfm", pairs), golden);
}

#[test]
fn what_another_model_left_in_the_scratch_is_not_read() {
    let (with, plan) = (network(testing::DEEP_FM), plan());
    let without = network(&testing::DEEP_FM.replace("slots = [1, 2, 30]", "slots = [1, 2]"));
    let [with, without] = [with, without].map(|n| Scorer::new(&n, &parameters(&n, 5)).unwrap());
    let (parts, mut scratch) = (parts(&plan, &sample(3)), ScoreScratch::default());
    let once = |scorer: &Scorer, scratch: &mut ScoreScratch| {
        let (mut common, mut item) = (Hidden::default(), Hidden::default());
        scorer.common(&parts[0], &mut common);
        scorer.item(&parts[1], &mut item);
        scorer.score(&common, &item, &parts[2], scratch)
    };
    let fresh = once(&without, &mut ScoreScratch::default());
    once(&with, &mut scratch);
    assert_eq!(once(&without, &mut scratch), fresh);
}
