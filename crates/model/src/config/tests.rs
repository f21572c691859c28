//! Model files: what is read, what is defaulted, and that every fault is found in one pass with its line.

use super::*;
use rankine_kernel::optimiser::Optimiser;

const WIDEDEEP: &str = r#"format = 1
kind = "widedeep"
conf = "movie"
label = "label"
seed = 1
embedding = [{ slots = [7, 8], table = "genre", dim = 10 }]
dense = { slots = [20] }
wide = { slots = [30] }
hidden = [128, 128]
activation = "relu"
loss = "bce"
optimizer.embedding = { kind = "adam", lr = 1e-3 }
train = { batch = 1024, epochs = 20, early_stop = { metric = "auc", patience = 2 } }
"#;

fn faults(text: &str) -> Vec<String> {
    ModelConfig::parse(text, "m.toml")
        .unwrap_err()
        .0
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let config = ModelConfig::parse(WIDEDEEP, "m.toml").unwrap();
    assert_eq!(
        (config.kind(), config.kind().name()),
        (Kind::WideDeep, "widedeep")
    );
    assert_eq!(
        config.embedding[0]
            .slots
            .iter()
            .map(|s| s.value)
            .collect::<Vec<_>>(),
        [7, 8]
    );
    assert_eq!(
        config.hidden.iter().map(|h| h.value).collect::<Vec<_>>(),
        [128, 128]
    );
    assert_eq!((config.train.batch(), config.train.epochs()), (1024, 20));
    let stop = config.train.early_stop.as_ref().unwrap();
    assert_eq!((stop.metric, stop.patience), (StopMetric::Auc, 2));
    assert_eq!(config.text(), WIDEDEEP);
}

#[test]
fn absent_keys_have_defaults() {
    let text = "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = { slots = [1] }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    assert_eq!(
        (config.label(&SampleSpec::default()), config.seed, config.loss),
        ("label", 1, Loss::Bce)
    );
    assert_eq!((config.input_dropout(), config.hidden_dropout()), (0.0, 0.0));
    assert_eq!(
        (config.train.batch(), config.train.epochs(), config.train.shuffle),
        (1024, 10, true)
    );
    assert_eq!(config.train.lr_decay(), 1.0);
    assert_eq!(
        config.optimizer.dense.build(2.0),
        Optimiser::named("adam", 2e-3).unwrap()
    );
    assert_eq!(config.activation.fused(), Some(Activation::Relu));
}

#[test]
fn the_label_is_the_given_one_or_the_first_of_the_conf() {
    let conf = SampleSpec {
        label: vec!["liked".to_owned(), "watched".to_owned()],
        ..SampleSpec::default()
    };
    let given = |line: &str| {
        let text = WIDEDEEP.replace("label = \"label\"\n", line);
        ModelConfig::parse(&text, "m.toml")
            .unwrap()
            .label(&conf)
            .to_owned()
    };
    assert_eq!(given("label = \"watched\"\n"), "watched");
    assert_eq!(given(""), "liked");
}

#[test]
fn labels_are_for_kinds_that_learn_several_and_name_each_once() {
    let text = WIDEDEEP.replace(
        "label = \"label\"\n",
        "label = \"a\"\nlabels = [\"a\", \"b\", \"a\"]\n",
    );
    assert_eq!(
        faults(&text),
        [
            "m.toml:4:9: `label` beside `labels`; give one of them",
            "m.toml:5:11: kind `widedeep` learns one label, `label`",
            "m.toml:5:21: label `a` is given twice",
        ]
    );
    let one = ModelConfig::parse(WIDEDEEP, "m.toml").unwrap();
    assert_eq!(one.labels(&SampleSpec::default()), ["label"]);
}

#[test]
fn every_optimiser_can_be_named() {
    for name in Optimiser::NAMES {
        let text = format!("{WIDEDEEP}optimizer.wide = {{ kind = \"{name}\", lr = 0.5 }}\n");
        let config = ModelConfig::parse(&text, "m.toml").unwrap();
        assert_eq!(
            config.optimizer.wide().build(1.0),
            Optimiser::named(name, 0.5).unwrap()
        );
    }
}

#[test]
fn item2vec_needs_only_its_kind() {
    let text = "format = 1\nkind = \"item2vec\"\nitem2vec = { dim = 16 }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    assert_eq!((config.item2vec.dim.value, config.item2vec.window.value), (16, 5));
    assert_eq!(config.item2vec.events, SentenceEvents::Train);
    let all = ModelConfig::parse(&text.replace("16", "16, events = \"all\""), "m.toml").unwrap();
    assert_eq!(all.item2vec.events, SentenceEvents::All);
    let typo = faults(&text.replace("16", "16, events = \"tain\""));
    assert!(
        typo[0].starts_with("m.toml:3:") && typo[0].contains("train"),
        "{typo:?}"
    );
    let with_hidden = faults(&format!("{text}hidden = [4]\n"));
    assert_eq!(with_hidden, ["m.toml:2:8: kind `item2vec` has no `hidden`"]);
}

#[test]
fn unknown_keys_and_wrong_types_are_found_together() {
    let text = WIDEDEEP
        .replace("hidden", "hiden")
        .replace("seed = 1", "seed = \"x\"");
    let faults = faults(&text);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("m.toml:5:8: "), "{faults:?}");
    assert!(
        faults[1].starts_with("m.toml:9:1: ") && faults[1].contains("hidden"),
        "{faults:?}"
    );
}

#[test]
fn numbers_that_make_no_sense_are_all_found() {
    let text = WIDEDEEP
        .replace("format = 1", "format = 9")
        .replace("dim = 10", "dim = 0")
        .replace("[128, 128]", "[128, 0]")
        .replace("lr = 1e-3", "lr = -1.0")
        .replace("batch = 1024", "batch = 0");
    let found = faults(&format!("{text}dropout = {{ input = 1.0, hidden = nan }}\n"));
    let lines: Vec<&str> = found.iter().map(|f| f.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["1", "6", "9", "12", "13", "14", "14"], "{found:#?}");
}

#[test]
fn parts_and_tables_must_suit_the_kind() {
    let text = WIDEDEEP.replace("wide = { slots = [30] }", "gmf = { dim = 4 }").replace(
        "embedding = [",
        "embedding = [{ slots = [], table = \"a.b\", dim = 2 }, { slots = [3], table = \"genre\", dim = 2 }, ",
    );
    let found = faults(&text).join("\n");
    for part in [
        "needs `wide`",
        "has no `gmf`",
        "letters, digits",
        "given twice",
        "has no slots",
    ] {
        assert!(found.contains(part), "{part} not in {found}");
    }
}

#[test]
fn threads_of_a_kind_that_learns_on_one_are_refused() {
    let text = |kind: &str, rest: &str| {
        format!("format = 1\nkind = \"{kind}\"\nconf = \"movie\"\n{rest}\ntrain = {{ threads = 2 }}\n")
    };
    let faults = ModelConfig::parse(&text("bpr", "matrix = { user = 1, item = 2 }"), "m.toml");
    let faults = faults.unwrap_err().to_string();
    assert!(
        faults.contains("m.toml:5:21: kind `bpr` has no `train.threads`; it learns on one thread"),
        "{faults}"
    );
    let deep = text(
        "embeddingmlp",
        "embedding = [{ slots = [1], table = \"t\", dim = 2 }]",
    );
    ModelConfig::parse(&deep, "m.toml").unwrap();
    ModelConfig::parse(&text("lr", "linear = { slots = [1] }"), "m.toml").unwrap();
}

#[test]
fn a_table_that_expires_at_once_is_refused() {
    let text = "format = 1\nkind = \"embeddingmlp\"\nconf = \"movie\"\n\
                embedding = [{ slots = [1], table = \"t\", dim = 2, expire = 0 }]\n";
    let faults = ModelConfig::parse(text, "m.toml").unwrap_err().to_string();
    assert!(faults.contains("m.toml:4:60: `expire` is 0"), "{faults}");
}

#[test]
fn numbers_of_item2vec_have_bounds() {
    let wrong = [
        "dim = 0",
        "dim = 1000000000",
        "window = 0",
        "negatives = 0",
        "negatives = 100000000",
        "epochs = 0",
        "lr = nan",
    ];
    for key in wrong {
        let text = format!("format = 1\nkind = \"item2vec\"\nitem2vec = {{ {key} }}\n");
        let fault = ModelConfig::parse(&text, "m.toml").unwrap_err().to_string();
        let name = key.split(' ').next().unwrap();
        assert!(
            fault.contains(&format!("`{name}` is")) && fault.contains("m.toml:3"),
            "{fault}"
        );
    }
}

#[test]
fn the_weights_of_labels_are_as_many_and_not_all_zero() {
    for (weights, message) in [
        ("1.0", "1 weights for 2 labels"),
        ("0, 0.0", "every weight is 0"),
        ("1, 1, 1", "3 weights"),
    ] {
        let text = format!(
            "format = 1\nkind = \"mmoe\"\nconf = \"c\"\nlabels = [\"a\", \"b\"]\ndense = {{ slots = [1] }}\n\
             experts = {{ shared = 2, hidden = [4] }}\ntask = {{ hidden = [2], weights = [{weights}] }}\n"
        );
        let fault = ModelConfig::parse(&text, "m.toml").unwrap_err().to_string();
        assert!(fault.contains(message), "{fault}");
    }
}

#[test]
fn a_wide_part_has_slots() {
    let text = "format = 1\nkind = \"deepfm\"\nconf = \"c\"\nembedding = [{ slots = [1, 2], table = \"t\", dim = 4 }]\nwide = { slots = [] }\n";
    let fault = ModelConfig::parse(text, "m.toml").unwrap_err().to_string();
    assert!(fault.contains("`wide` has no slots"), "{fault}");
}
