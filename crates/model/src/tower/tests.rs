//! Towers against the formula, and against themselves in batches and with stored vectors.

use crate::testing::{self, DROPOUT, DSSM, network, parameters, parts, plan, sample};
use crate::{Artefact, Draft, Hidden, ModelConfig, Network, ScoreScratch, Scorer, publish, split};

const TWO: &str = r#"format = 1
kind = "dssm"
conf = "movie"
embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "movie", dim = 4 }]
tower.user = { slots = [1], hidden = [3] }
tower.item = { slots = [2], hidden = [3] }
"#;

#[test]
fn each_tower_has_its_own_layers_and_the_context_one_number() {
    let network = network(DSSM);
    let towers = network.towers.as_ref().unwrap();
    let layers: Vec<_> = towers
        .all()
        .iter()
        .flat_map(|tower| tower.layers(&network))
        .collect();
    let expected = [
        ("user.0", 5 + 4 + 1, 7),
        ("user.1", 7, 6),
        ("item.0", 17 + 3 + 2, 6),
        ("context.0", 5, 3),
        ("context.1", 3, 1),
    ];
    let expected = expected.map(|(name, inputs, outputs)| (name.to_owned(), inputs, outputs));
    assert_eq!((layers.as_slice(), towers.dim), (expected.as_slice(), 6));
    let names: Vec<String> = network.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "user.0.weight");
}

#[test]
fn without_a_context_tower_there_is_a_bias() {
    let network = network(TWO);
    let names: Vec<String> = network.tensors().into_iter().map(|tensor| tensor.name).collect();
    let expected = [
        "user.0.weight",
        "user.0.bias",
        "item.0.weight",
        "item.0.bias",
        "context.0.bias",
    ];
    assert_eq!(names, expected);
    let parameters = parameters(&network, 9).convert::<f64>();
    let scorer = Scorer::new(&network, &parameters).unwrap();
    for seed in 0..20 {
        let parts = parts(&plan(), &sample(seed));
        let logit = testing::logit(&network, &parameters, &parts);
        let got = testing::score(&scorer, &parts);
        assert!((got - testing::sigmoid(logit)).abs() < 1e-12);
    }
}

#[test]
fn a_stored_vector_scores_as_the_tower_that_made_it() {
    let network = network(DSSM);
    let scorer = Scorer::new(&network, &parameters(&network, 2)).unwrap();
    assert_eq!((scorer.vector_width(), scorer.has_cross()), (Some(6), false));
    let parts = parts(&plan(), &sample(3));
    let (mut common, mut item, mut kept) = (Hidden::default(), Hidden::default(), Hidden::default());
    scorer.common(&parts[0], &mut common);
    scorer.item(&parts[1], &mut item);
    let vector = item.vector().to_vec();
    assert_eq!((vector.len(), common.vector().len()), (6, 6));
    assert!(kept.take(&vector, scorer.vector_width()));
    let score = |item: &Hidden| scorer.score(&common, item, &parts[2], &mut ScoreScratch::default());
    assert_eq!(score(&item).to_bits(), score(&kept).to_bits());
    assert!(
        !kept.take(&vector[1..], scorer.vector_width()),
        "another width is not taken"
    );
    let deep = Scorer::new(
        &testing::network(testing::WIDE_DEEP),
        &parameters(&testing::network(testing::WIDE_DEEP), 1),
    );
    assert_eq!(deep.unwrap().vector_width(), None);
}

/// The towers of [`TWO`] combined and weighed in every way.
fn variants() -> Vec<String> {
    let mut texts = Vec::new();
    for combine in ["dot", "cosine", "product", "concat"] {
        for rest in [
            "",
            "tower.temperature = 0.25\n",
            "tower.last = \"tanh\"\nactivation = \"tanh\"\n",
        ] {
            texts.push(format!("{TWO}tower.combine = \"{combine}\"\n{rest}"));
        }
    }
    let senet = testing::DSSM.replace("hidden = [7, 6]", "hidden = [7, 6], senet = 2");
    texts.push(senet.replace("hidden = [6]", "hidden = [6], senet = 1"));
    texts.push(TWO.replace("hidden = [3]", "hidden = []") + "tower.combine = \"product\"\n");
    texts.push(TWO.replace("\"dssm\"", "\"twotower\""));
    texts.push(DROPOUT.to_owned());
    texts.extend(normed());
    texts.push(
        TWO.replace("\"dssm\"", "\"youtubednn\"")
            .replace(
                "tower.item = { slots = [2], hidden = [3] }",
                "tower.item = { slots = [2] }",
            )
            .replace(
                "tower.user = { slots = [1], hidden = [3] }",
                "tower.user = { slots = [1], hidden = [5, 4] }",
            ),
    );
    texts
}

/// Towers of hidden layers with norms and with activations that have parameters.
fn normed() -> Vec<String> {
    let dssm = |rest: &str| testing::DSSM.replace("activation = \"tanh\"\n", rest);
    vec![
        dssm("norm = \"batch\"\n"),
        dssm("norm = \"batch\"\nactivation = \"dice\"\n"),
        dssm("norm = \"layer\"\nactivation = \"prelu\"\n"),
        dssm("activation = \"gelu\"\ntower.last = \"dice\"\n"),
        format!("{DROPOUT}norm = \"batch\"\ntower.last = \"gelu\"\n"),
        format!("{DROPOUT}norm = \"layer\"\nactivation = \"dice\"\n"),
    ]
}

#[test]
fn a_batch_of_normed_towers_is_its_candidates_one_by_one() {
    for text in normed() {
        let network = network(&text);
        let scorer = Scorer::new(&network, &parameters(&network, 6)).unwrap();
        let order: Vec<u64> = (0..90).map(|i| i * 7 % 40).collect();
        testing::assert_batch_is_one_by_one(&scorer, &order, 3);
    }
}

#[test]
fn every_combination_is_the_formula_of_the_towers_outputs() {
    for text in variants() {
        let network = network(&text);
        let parameters = parameters(&network, 5).convert::<f64>();
        let scorer = Scorer::new(&network, &parameters).unwrap();
        let towers = network.towers.as_ref().unwrap();
        assert_eq!(scorer.combination(), Some(towers.combination));
        for seed in 0..20 {
            let parts = parts(&plan(), &sample(seed));
            let (mut common, mut item, mut u, mut i) = (
                Hidden::default(),
                Hidden::default(),
                Hidden::default(),
                Hidden::default(),
            );
            scorer.common(&parts[0], &mut common);
            scorer.item(&parts[1], &mut item);
            let logit = scorer.logit(&common, &item, &parts[2], &mut ScoreScratch::default());
            let formula = testing::logit(&network, &parameters, &parts);
            assert!((logit - formula).abs() < 1e-6, "{text}{logit} {formula}");
            scorer.tower_output(rankine_feature::Group::Common, &parts[0], &mut u);
            scorer.tower_output(rankine_feature::Group::Item, &parts[1], &mut i);
            let outputs = testing::combined(&network, &parameters, (u.vector(), i.vector()));
            let context = formula - testing::combined_of(&network, &parameters, &parts);
            assert!((logit - outputs - context).abs() < 1e-6, "{text}");
        }
    }
}

#[test]
fn a_stored_vector_stands_for_the_tower_whatever_combines() {
    for text in variants() {
        let network = network(&text);
        let scorer = Scorer::new(&network, &parameters(&network, 2)).unwrap();
        let parts = parts(&plan(), &sample(3));
        let (mut common, mut item, mut kept) = (Hidden::default(), Hidden::default(), Hidden::default());
        scorer.common(&parts[0], &mut common);
        scorer.item(&parts[1], &mut item);
        assert!(kept.take(item.vector(), scorer.vector_width()));
        let score = |item: &Hidden| scorer.logit(&common, item, &parts[2], &mut ScoreScratch::default());
        assert_eq!(score(&item).to_bits(), score(&kept).to_bits(), "{text}");
    }
}

#[test]
fn what_an_objective_or_a_kind_cannot_do_is_told_with_its_line() {
    let concat = format!("{TWO}tower.combine = \"concat\"\nobjective = {{ kind = \"inbatch\" }}\n");
    let expected = "m.toml:2:8: `combine = \"concat\"` ranks items alike for every user: only the objective \
                    `pointwise` can teach it";
    assert_eq!(faults(&concat), [expected]);
    let numbers = format!(
        "{TWO}objective = {{ kind = \"hinge\", negatives = 0, hard = 0, margin = -1.0, user = 2 }}\ntower.temperature = 0.0\n"
    );
    let expected = [
        "m.toml:7:43: `negatives` is 0, expected 1 to 65536",
        "m.toml:7:53: `hard` is 0, expected 1 to 1048576",
        "m.toml:7:65: `margin` is -1, expected 0 to 1000",
        "m.toml:8:21: `temperature` is 0, expected 0.0001 to 10000",
    ];
    let mut got = faults(&numbers);
    got.sort();
    assert_eq!(got, expected);
    let slot = format!("{TWO}objective = {{ kind = \"bpr\", user = 2 }}\n");
    assert_eq!(
        faults(&slot),
        ["m.toml:7:36: slot 2 is no sparse slot of tower `user`"]
    );
    let youtube = TWO
        .replace("\"dssm\"", "\"youtubednn\"")
        .replace("slots = [2], hidden", "slots = [2, 4], hidden");
    let expected = [
        "m.toml:6:28: the item tower of kind `youtubednn` is one table: one slot",
        "m.toml:6:42: the item tower of kind `youtubednn` is its table, it has no `hidden`",
    ];
    let mut got = faults(&youtube);
    got.sort();
    assert_eq!(got, expected);
    let unequal = TWO.replace(", hidden = [3] }\ntower.item", " }\ntower.item");
    assert_eq!(
        faults(&unequal),
        ["m.toml:2:8: the item's vector has 3 numbers, the user's 4: they must be equal"]
    );
}

fn faults(text: &str) -> Vec<String> {
    let faults = match ModelConfig::parse(text, "m.toml") {
        Ok(config) => Network::compile(&config, &plan()).unwrap_err(),
        Err(faults) => faults,
    };
    faults.0.iter().map(ToString::to_string).collect()
}

#[test]
fn a_slot_of_another_side_or_without_a_table_is_named_with_its_line() {
    let text = TWO
        .replace("{ slots = [2], table", "{ slots = [2, 30], table")
        .replace(
            "tower.item = { slots = [2]",
            "tower.item = { slots = [2, 30, 20, 5]",
        )
        .replace("tower.user = { slots = [1]", "tower.user = { slots = [1, 99, 4]");
    let expected = [
        "m.toml:5:28: conf `movie` has no slot 99",
        "m.toml:5:32: slot 4 rests on the item, tower `user` reads user and context",
        "m.toml:6:28: slot 30 rests on both sides, tower `item` reads the item",
        "m.toml:6:32: slot 20 rests on user and context, tower `item` reads the item",
        "m.toml:6:36: slot 5 rests on user and context, tower `item` reads the item",
    ];
    assert_eq!(faults(&text), expected);
    let text = TWO.replace("tower.user = { slots = [1]", "tower.user = { slots = [3]");
    let expected = [
        "m.toml:4:25: slot 1 is in no tower",
        "m.toml:5:25: slot 3 is sparse, and no `embedding` has it",
    ];
    assert_eq!(faults(&text), expected);
}

#[test]
fn towers_that_cannot_meet_are_refused_by_name() {
    let unequal = TWO.replace(
        "tower.item = { slots = [2], hidden = [3] }",
        "tower.item = { slots = [2], hidden = [4] }",
    );
    assert_eq!(
        faults(&unequal),
        ["m.toml:6:39: the item's vector has 4 numbers, the user's 3: they must be equal"]
    );
    let bare = "format = 1\nkind = \"dssm\"\nconf = \"movie\"\nhidden = [3]\n";
    let expected = [
        "m.toml:2:8: kind `dssm` has no `hidden`",
        "m.toml:2:8: kind `dssm` needs `tower`",
    ];
    assert_eq!(faults(bare), expected);
    let other = format!(
        "{}tower.user = {{ slots = [1], hidden = [3] }}\ntower.item = {{ slots = [2], hidden = [3] }}\n",
        testing::FLAT
    );
    assert_eq!(faults(&other), ["m.toml:2:8: kind `embeddingmlp` has no `tower`"]);
}

/// The half of a model file in which one side alone is there.
fn half(text: &str, only: &str, slots: &[(&str, &str)]) -> (Network, Scorer<f32>) {
    let mut text = format!("{text}tower.only = \"{only}\"\n");
    for (from, to) in slots {
        text = text.replace(from, to);
    }
    let network = network(&text);
    let scorer = Scorer::new(&network, &parameters(&network, 4)).unwrap();
    (network, scorer)
}

#[test]
fn a_half_needs_its_own_tensors_and_the_other_side_is_ones() {
    let user = [
        ("{ slots = [2], table = \"what\", dim = 17 },", ""),
        ("{ slots = [4], table = \"genre\", dim = 3 },", ""),
    ];
    let (network, scorer) = half(DSSM, "user", &user);
    let names: Vec<String> = network.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert!(names.iter().all(|name| !name.starts_with("item")), "{names:?}");
    let parts = parts(&plan(), &sample(5));
    let (mut common, mut item) = (Hidden::default(), Hidden::default());
    scorer.common(&parts[0], &mut common);
    scorer.item(&parts[1], &mut item);
    assert_eq!(item.vector(), [1.0; 6]);
    let sum: f32 = common.vector().iter().sum::<f32>() + common.number();
    let logit = scorer.logit(&common, &item, &parts[2], &mut ScoreScratch::default());
    assert!((logit - sum).abs() < 1e-5);
    assert!(scorer.reads(1) && !scorer.reads(2));
    let (network, scorer) = half(
        TWO,
        "item",
        &[("{ slots = [1], table = \"user\", dim = 4 }, ", "")],
    );
    assert_eq!(network.tensors().len(), 2);
    scorer.common(&parts[0], &mut common);
    assert_eq!((common.vector(), common.number()), (&[1.0f32; 3][..], 0.0));
}

/// Publishes a model with random parameters and opens it.
fn published(models: &std::path::Path, name: &str, text: &str) -> Artefact {
    let network = network(text);
    let draft = Draft {
        name: name.to_owned(),
        config: text.to_owned(),
        plan: Some(plan()),
        parameters: parameters(&network, 7),
        golden: (0..12).map(sample).collect(),
        ..Draft::default()
    };
    let version = publish(models, &draft, 1).unwrap();
    Artefact::open(&models.join(name).join(version.to_string())).unwrap()
}

/// Model files that are split, by name.
fn to_split() -> Vec<(&'static str, String)> {
    let bare = TWO.replace("kind = \"dssm\"", "kind = \"twotower\"");
    let texts = [
        ("plain", DSSM.to_owned()),
        (
            "product",
            format!("{DSSM}tower.combine = \"product\"\ntower.temperature = 1.5\n"),
        ),
        ("concat", format!("{DSSM}tower.combine = \"concat\"\n")),
        ("cosine", bare),
        ("dropout", DROPOUT.to_owned()),
    ];
    let names = [
        "batch",
        "batch-dice",
        "layer-prelu",
        "last-dice",
        "drop-batch",
        "drop-layer",
    ];
    texts.into_iter().chain(names.into_iter().zip(normed())).collect()
}

#[test]
fn the_halves_of_a_model_open_by_themselves_and_add_up_to_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in to_split() {
        let whole = published(folder.path(), name, &text);
        let halves = split(&whole).unwrap();
        let open = |draft: &Draft| {
            let version = publish(folder.path(), draft, 2).unwrap();
            Artefact::open(&folder.path().join(&draft.name).join(version.to_string())).unwrap()
        };
        let (user, item) = (open(&halves.user), open(&halves.item));
        let fields = |half: &Artefact| -> Vec<String> {
            let schema = half.plan().unwrap().schema().all().iter();
            schema.map(|field| field.name.to_string()).collect()
        };
        if name == "plain" {
            assert_eq!(fields(&user), ["userId", "history", "mean", "hour"]);
            assert_eq!(fields(&item), ["movieId", "genres", "year"]);
            assert_eq!(user.manifest().towers, ["user", "context"]);
            assert_eq!(
                (user.manifest().name.as_str(), user.manifest().parents[0].as_str()),
                ("plain-user", "plain@1")
            );
        }
        let (mut common, mut one) = (Hidden::default(), Hidden::default());
        for seed in 0..40 {
            let (of_whole, sample) = (parts(&plan(), &sample(seed)), sample(seed));
            let scorer = whole.scorer().unwrap();
            scorer.common(&of_whole[0], &mut common);
            scorer.cold_item(&of_whole[1], &mut one);
            let logit = scorer.logit(&common, &one, &of_whole[2], &mut ScoreScratch::default());
            let of_user = super::split::projected(whole.plan().unwrap(), user.plan().unwrap(), &sample);
            let of_item = super::split::projected(whole.plan().unwrap(), item.plan().unwrap(), &sample);
            let (users, items) = (user.scorer().unwrap(), item.scorer().unwrap());
            users.common(&of_user.parts(user.plan().unwrap())[0], &mut common);
            items.item(&of_item.parts(item.plan().unwrap())[1], &mut one);
            let added = rankine_kernel::dense::dot(common.vector(), one.vector()) + common.number();
            assert!((added - logit).abs() <= 1e-6, "{name} {seed}: {added} {logit}");
            // the item's vector out of a dictionary, ranked by the user half
            let (vector, mut kept) = (one.vector().to_vec(), Hidden::default());
            assert!(kept.take(&vector, users.vector_width()));
            let again = users.logit(&common, &kept, &of_whole[2], &mut ScoreScratch::default());
            assert!((again - logit).abs() <= 1e-6);
        }
        let again = split(&user).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            again,
            format!("model `{name}-user` cannot be split: it is a half already")
        );
    }
}

#[test]
fn a_missing_or_unknown_preference_is_cold_and_the_item_half_reads_content_alone() {
    let folder = tempfile::tempdir().unwrap();
    let whole = published(folder.path(), "cold", DROPOUT);
    let scorer = whole.scorer().unwrap();
    let (mut warm, mut cold, mut got) = (Hidden::default(), Hidden::default(), Hidden::default());
    let known = sample(3);
    let of_known = parts(&plan(), &known);
    scorer.item(&of_known[1], &mut warm);
    scorer.cold_item(&of_known[1], &mut cold);
    assert_ne!(warm.vector(), cold.vector());
    for id in [
        rankine_feature::Value::Missing,
        rankine_feature::Value::Int(987_654),
    ] {
        let mut new = known.clone();
        new.item[0] = id;
        scorer.item(&parts(&plan(), &new)[1], &mut got);
        assert_eq!(got.vector(), cold.vector());
    }
    let halves = split(&whole).unwrap();
    assert!(halves.difference <= 1e-6);
    let item = halves.item.plan.unwrap();
    let fields: Vec<String> = item.schema().all().iter().map(|f| f.name.to_string()).collect();
    assert_eq!(fields, ["genres"]);
    let user = halves.user.plan.unwrap();
    let fields: Vec<String> = user.schema().all().iter().map(|f| f.name.to_string()).collect();
    assert_eq!(fields, ["userId", "mean"]);
}

#[test]
fn what_a_preference_cannot_be_is_told_with_its_line() {
    let numbers = DROPOUT.replace(
        "slots = [20], hidden = [5, 3], preference = { slots = [1] }",
        "slots = [1], hidden = [5, 3], preference = { slots = [20] }",
    );
    assert_eq!(
        faults(&numbers),
        [
            "m.toml:5:70: numbers do not say whether they are there: `preference` with dense slots needs `absent`, a slot of \
             operator `is_missing`"
        ]
    );
    let told = |text: &str, part: &str| {
        let all = faults(text);
        assert!(all.iter().any(|fault| fault.contains(part)), "{all:?}");
    };
    told(
        &DROPOUT.replace("\"dropoutnet\"", "\"dssm\""),
        "tower `user` of kind `dssm` has no `preference`",
    );
    told(
        &TWO.replace("\"dssm\"", "\"dropoutnet\""),
        "kind `dropoutnet` needs `preference` in `tower.user` or `tower.item`",
    );
    told(
        &DROPOUT.replace("sigmoid = {}, ", "sigmoid = {}, regression = {}, "),
        "`regression` learns the product of both preferences",
    );
    told(
        &DROPOUT.replace("sigmoid = {}, ", ""),
        "`scale` stands before `dot` or `cosine`",
    );
    let nothing = DROPOUT.replace(
        "sigmoid = {}, softmax = { weight = 0.5, gamma = 5.0 }",
        "hard = 3",
    );
    told(&nothing, "`mix` needs one of");
}

#[test]
fn a_model_without_sides_is_not_split() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, text: &str| {
        let whole = published(folder.path(), name, text);
        split(&whole).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        told("wide", testing::WIDE_DEEP),
        "model `wide` cannot be split: kind `widedeep` has no towers, and features that rest on both sides"
    );
    assert_eq!(
        told("ncf", testing::NEURAL_CF),
        "model `ncf` cannot be split: kind `neuralcf` has no towers: its layers read user and item together"
    );
}
