//! Every kind against onnxruntime on random parameters, and back.

use super::proto::ModelProto;
use super::{Exported, Feed, Foreign, Keys, export, export_artefact, golden_case, import};
use crate::testing::{self, CONF, Random, parameters, parts, sample};
use crate::{Artefact, Draft, Hidden, ModelConfig, Network, Parameters, ScoreScratch, Scorer, publish};
use proptest::prelude::*;
use prost::Message;
use rankine_feature::{Part, Plan};
use serde_json::{Map, json};
use std::process::Command;
use std::sync::Arc;

/// Two labels, so that some kinds have several outputs; numbers that say what is missing.
fn plan() -> Arc<Plan> {
    let conf = CONF.replace("label = [\"label\"]", "label = [\"click\", \"buy\"]");
    let conf = conf
        + "[[feature]]\nname = \"no_mean\"\nclass = \"is_missing\"\nslot = 22\ndepend = [\"mean\"]\n\
           [[feature]]\nname = \"no_year\"\nclass = \"is_missing\"\nslot = 23\ndepend = [\"year\"]\n";
    Arc::new(Plan::compile(&conf, "conf.toml", None).unwrap())
}

/// Ids, a cross, lists and numbers of both sides.
const ALL: &str = r#"format = 1
conf = "movie"
embedding = [{ slots = [1, 5], table = "who", dim = 4 }, { slots = [2, 30, 3, 4], table = "what", dim = 4 }]
dense = { slots = [20, 21] }
"#;

/// A history of films, the candidate's id beside it.
const HISTORY: &str = r#"format = 1
conf = "movie"
embedding = [{ slots = [1, 5], table = "who", dim = 3 }, { slots = [2, 3, 30], table = "what", dim = 4 }]
dense = { slots = [21] }
history = { slots = [3], target = [2], length = 3, hidden = 5 }
"#;

/// A user tower over a table of films.
const YOUTUBE_DNN: &str = r#"format = 1
kind = "youtubednn"
conf = "movie"
embedding = [{ slots = [1, 3], table = "who", dim = 4 }, { slots = [2], table = "what", dim = 5 }]
tower.user = { slots = [3, 1, 20], hidden = [6, 5] }
tower.item = { slots = [2] }
"#;

/// The towers of `testing`, of another kind or with more keys.
fn towers_of(rest: &str) -> String {
    testing::DSSM
        .replace("kind = \"dssm\"", rest)
        .replace("activation = \"tanh\"\n", "")
}

/// Model files of the kinds that have a form in ONNX, by name.
fn layered() -> Vec<(&'static str, String)> {
    vec![
        ("embeddingmlp", testing::EMBEDDING_MLP.to_owned()),
        ("widedeep", testing::WIDE_DEEP.to_owned()),
        ("neuralcf", testing::NEURAL_CF.to_owned()),
        ("gmf", testing::GMF.to_owned()),
        ("flat", testing::FLAT.to_owned()),
        ("deepfm", testing::DEEP_FM.to_owned()),
        (
            "deepfm_concat",
            format!(
                "{ALL}kind = \"deepfm\"\nhidden = [6]\nwide = {{ slots = [1, 2] }}\n\
                 pairs = {{ of = [[2, 1], [4, 30]], only = [4], join = \"concat\" }}\n"
            ),
        ),
        (
            "buckets",
            testing::FLAT.replace("table = \"pair\"", "buckets = 7, table = \"pair\""),
        ),
        (
            "neuralcf_norm",
            format!("{}norm = \"batch\"\nactivation = \"gelu\"\n", testing::NEURAL_CF),
        ),
    ]
}

/// The two-sided ones.
fn towers() -> Vec<(&'static str, String)> {
    vec![
        ("dssm", testing::DSSM.to_owned()),
        ("dssm_scale", towers_of("kind = \"dssm\"\ntower.scale = 2.0")),
        ("youtubednn", YOUTUBE_DNN.to_owned()),
        ("dropoutnet", testing::DROPOUT.to_owned()),
        (
            "dropoutnet_numbers",
            testing::DROPOUT
                .replace(
                    "slots = [20], hidden = [5, 3], preference = { slots = [1] }",
                    "slots = [5], hidden = [5, 3], preference = { slots = [1, 3, 20], absent = 22 }",
                )
                .replace(
                    "preference = { slots = [2],",
                    "preference = { slots = [2, 21], absent = 23,",
                )
                .replace("slots = [1], table", "slots = [1, 3, 5], table"),
        ),
        (
            "dssm_product",
            towers_of("kind = \"dssm\"\ntower.combine = \"product\"\ntower.last = \"relu\""),
        ),
        (
            "dssm_concat",
            towers_of("kind = \"dssm\"\ntower.combine = \"concat\"\ntower.temperature = 2.5"),
        ),
        (
            "dssm_batch_dice",
            towers_of("kind = \"dssm\"\nnorm = \"batch\"\nactivation = \"dice\"\ntower.last = \"gelu\""),
        ),
        (
            "dssm_layer_prelu",
            towers_of("kind = \"dssm\"\nnorm = \"layer\"\nactivation = \"prelu\"\ntower.last = \"prelu\""),
        ),
        (
            "twotower",
            towers_of("kind = \"twotower\"")
                .replace("slots = [2, 4, 21],", "slots = [2, 4, 21], senet = 2,")
                .replace("slots = [1, 5]", "slots = [1]")
                .replace("tower.context = { slots = [5], hidden = [3] }\n", ""),
        ),
    ]
}

fn of(parts: &str, rest: &str) -> String {
    format!("{parts}{rest}\n")
}

/// Of the kinds that are graphs.
fn graphs() -> Vec<(&'static str, String)> {
    vec![
        (
            "dcn",
            of(ALL, "kind = \"dcn\"\nhidden = [7, 3]\ncross = { layers = 2 }"),
        ),
        (
            "dcn_rank",
            of(ALL, "kind = \"dcn\"\ncross = { layers = 1, rank = 2 }"),
        ),
        (
            "autoint",
            of(
                ALL,
                "kind = \"autoint\"\nhidden = [6]\nattention = { heads = 2, dim = 3 }",
            ),
        ),
        (
            "din_dice",
            of(HISTORY, "kind = \"din\"\nhidden = [6]\nactivation = \"dice\""),
        ),
        (
            "din_softmax",
            of(
                &HISTORY.replace("hidden = 5", "hidden = 5, softmax = true"),
                "kind = \"din\"\nhidden = [6]",
            ),
        ),
        (
            "din_attention_dice",
            of(
                &HISTORY.replace("hidden = 5", "hidden = 5, activation = \"dice\""),
                "kind = \"din\"\nhidden = [6]",
            ),
        ),
        (
            "din_attention_prelu",
            of(
                &HISTORY.replace("hidden = 5", "hidden = 5, activation = \"prelu\""),
                "kind = \"din\"\nhidden = [6]",
            ),
        ),
        (
            "dien",
            of(HISTORY, "kind = \"dien\"\nhidden = [6]\nactivation = \"prelu\""),
        ),
    ]
}

/// Graphs of several labels, and those that norms and activations make graphs.
fn tasks_and_norms() -> Vec<(&'static str, String)> {
    let tasks = "labels = [\"click\", \"buy\"]\ntask = { hidden = [2] }\nexperts = { hidden = [5] }";
    vec![
        ("mmoe", of(ALL, &format!("kind = \"mmoe\"\n{tasks}"))),
        ("ple", of(ALL, &format!("kind = \"ple\"\n{tasks}"))),
        (
            "esmm",
            of(
                ALL,
                "kind = \"esmm\"\nlabels = [\"click\", \"buy\"]\nhidden = [5]",
            ),
        ),
        (
            "gelu",
            of(
                ALL,
                "kind = \"embeddingmlp\"\nhidden = [6, 4]\nnorm = \"batch\"\nactivation = \"gelu\"",
            ),
        ),
        (
            "layer_norm",
            of(
                ALL,
                "kind = \"deepfm\"\nhidden = [6]\nnorm = \"layer\"\nwide = { slots = [1, 2, 30] }",
            ),
        ),
    ]
}

fn models() -> Vec<(&'static str, String)> {
    [layered(), towers(), graphs(), tasks_and_norms()].concat()
}

struct Case {
    network: Network,
    parameters: Parameters<f32>,
    exported: Exported,
}

fn case(text: &str) -> Case {
    let config = ModelConfig::parse(text, "model.toml").unwrap_or_else(|e| panic!("{text}{e}"));
    let network = Network::compile(&config, &plan()).unwrap_or_else(|e| panic!("{text}{e}"));
    let parameters = parameters(&network, 5);
    let notes = [("rankine.kind".to_owned(), network.kind.name().to_owned())];
    let exported = export(&network, &parameters, &notes).unwrap_or_else(|e| panic!("{text}{e}"));
    Case {
        network,
        parameters,
        exported,
    }
}

/// Scores of every output for samples whose values may be missing or unknown.
fn scores(case: &Case, samples: &[[Part; 3]]) -> Map<String, serde_json::Value> {
    let scorer = Scorer::new(&case.network, &case.parameters).unwrap();
    let score = |output: usize, parts: &[Part; 3]| {
        let (mut common, mut item, mut out) = (Hidden::default(), Hidden::default(), [0.0]);
        scorer.common(&parts[0], &mut common);
        scorer.item(&parts[1], &mut item);
        let candidate = |_| (&item, &parts[2]);
        scorer.score_output(
            output,
            &common,
            &candidate,
            &mut ScoreScratch::default(),
            &mut out,
        );
        out[0]
    };
    let names = scorer.outputs().into_iter().enumerate();
    let all = names.map(|(i, name)| {
        let scores: Vec<f32> = samples.iter().map(|parts| score(i, parts)).collect();
        (name.to_owned(), json!(scores))
    });
    all.collect()
}

fn feed(case: &Case, samples: &[[Part; 3]]) -> Vec<Feed> {
    let Exported { inputs, keys, .. } = &case.exported;
    let feeds = inputs
        .iter()
        .map(|input| input.feed(&case.network, keys, samples));
    feeds.collect()
}

#[test]
fn onnxruntime_scores_every_kind_as_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let samples: Vec<[Part; 3]> = (0..60).map(|seed| parts(&plan(), &sample(seed))).collect();
    for (name, text) in models() {
        let case = case(&text);
        let known = json!({ "inputs": feed(&case, &samples), "outputs": scores(&case, &samples) });
        std::fs::write(folder.path().join(format!("{name}.onnx")), &case.exported.bytes).unwrap();
        std::fs::write(folder.path().join(format!("{name}.json")), known.to_string()).unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/python/onnx_check.py");
    let told = testing::venv::run(
        Command::new(testing::venv::python())
            .arg(script)
            .arg(folder.path()),
    );
    assert_eq!(told.lines().count(), models().len(), "{told}");
}

#[test]
fn a_file_read_back_is_the_model() {
    for (name, text) in models() {
        let case = case(&text);
        let foreign = Foreign::read(&case.exported.bytes).unwrap();
        assert_eq!(foreign.note("rankine.kind"), Some(case.network.kind.name()));
        let back = import(&case.network, &foreign, &case.exported.keys).unwrap();
        assert_eq!(back.dense, case.parameters.dense, "{name}");
        let again = export(&case.network, &back, &[]).unwrap();
        assert_eq!(again.keys, case.exported.keys, "{name}");
        let without = |bytes: &[u8]| ModelProto::decode(bytes).unwrap().graph;
        assert!(without(&again.bytes) == without(&case.exported.bytes), "{name}");
    }
}

/// The file with something changed.
fn changed(case: &Case, change: impl FnOnce(&mut super::proto::GraphProto)) -> Foreign {
    let mut model = ModelProto::decode(&*case.exported.bytes).unwrap();
    change(model.graph.as_mut().unwrap());
    Foreign::read(&model.encode_to_vec()).unwrap()
}

#[test]
fn changed_weights_in_either_form_and_another_order_are_taken() {
    let case = case(testing::WIDE_DEEP);
    let foreign = changed(&case, |graph| {
        graph.node.reverse();
        let bias = graph
            .initializer
            .iter_mut()
            .find(|t| t.name.as_deref() == Some("output.bias"))
            .unwrap();
        bias.raw_data = None;
        bias.float_data = vec![0.75];
    });
    let back = import(&case.network, &foreign, &case.exported.keys).unwrap();
    assert_eq!(back.dense["output.bias"].data, [0.75]);
    assert_eq!(
        back.dense["output.weight"],
        case.parameters.dense["output.weight"]
    );
}

#[test]
fn what_is_not_ours_is_named() {
    let case = case(testing::WIDE_DEEP);
    let told = |foreign: &Foreign, keys: &Keys| import(&case.network, foreign, keys).unwrap_err().to_string();
    let keys = &case.exported.keys;
    let relu = changed(&case, |graph| {
        let tanh = graph
            .node
            .iter_mut()
            .find(|n| n.op_type.as_deref() == Some("Tanh"))
            .unwrap();
        tanh.op_type = Some("Relu".to_owned());
    });
    assert_eq!(
        told(&relu, keys),
        "ONNX: node `/hidden.0`: expected Tanh(/hidden.0/gemm), got Relu(/hidden.0/gemm)"
    );
    let more = changed(&case, |graph| {
        graph.node.push(super::sheet::node(
            "Neg",
            &["score"],
            &["minus".to_owned()],
            Vec::new(),
        ));
    });
    assert_eq!(
        told(&more, keys),
        "ONNX: node `minus`, Neg(score), is none of ours"
    );
    let less = changed(&case, |graph| {
        graph.node.retain(|n| n.op_type.as_deref() != Some("Sigmoid"))
    });
    assert_eq!(
        told(&less, keys),
        "ONNX: node `/answer.score`, Sigmoid(/logit), is missing"
    );
    let shape = changed(&case, |graph| {
        let bias = graph
            .initializer
            .iter_mut()
            .find(|t| t.name.as_deref() == Some("hidden.0.bias"))
            .unwrap();
        bias.dims = vec![9];
    });
    assert_eq!(
        told(&shape, keys),
        "ONNX: tensor `hidden.0.bias`: expected floats [8], got type 1 [9]"
    );
    let constant = changed(&case, |graph| {
        let axes = graph
            .initializer
            .iter_mut()
            .find(|t| t.name.as_deref() == Some("ints:1"))
            .unwrap();
        axes.raw_data = Some(2i64.to_le_bytes().to_vec());
    });
    assert_eq!(told(&constant, keys), "ONNX: constant `ints:1` is another one");
}

#[test]
fn keys_of_another_model_and_damage_are_refused() {
    let case = case(testing::WIDE_DEEP);
    let keys = &case.exported.keys;
    let told = |foreign: &Foreign, keys: &Keys| import(&case.network, foreign, keys).unwrap_err().to_string();
    let mut fewer = keys.clone();
    fewer.get_mut("id").unwrap().pop();
    let whole = changed(&case, |_| {});
    assert!(told(&whole, &fewer).starts_with("ONNX: tensor `emb.id.rows`: expected floats ["));
    assert!(Foreign::read(b"no ONNX").is_err());
    // whatever the bytes are, they are a model or a fault
    let mut random = Random(3);
    for _ in 0..200 {
        let mut bytes = case.exported.bytes.clone();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << random.below(8);
        let _ = Foreign::read(&bytes).map(|foreign| import(&case.network, &foreign, keys).is_ok());
    }
}

/// An artefact's file with all that is needed to take it back.
fn whole_file() -> &'static Exported {
    static FILE: std::sync::OnceLock<Exported> = std::sync::OnceLock::new();
    FILE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft {
            name: "m".to_owned(),
            config: testing::DEEP_FM.to_owned(),
            plan: Some(testing::plan()),
            parameters: parameters(&testing::network(testing::DEEP_FM), 3),
            golden: (0..3).map(sample).collect(),
            ..Draft::default()
        };
        let version = publish(folder.path(), &draft, 1).unwrap();
        let artefact = Artefact::open(&folder.path().join("m").join(version.to_string())).unwrap();
        export_artefact(&artefact).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whoever writes such a file can make it say anything, but cannot make reading panic.
    #[test]
    fn no_bytes_make_an_import_panic(
        at: prop::sample::Index, junk in prop::collection::vec(any::<u8>(), 1..9), cut: bool, other_keys: bool,
    ) {
        let mut bytes = whole_file().bytes.clone();
        let at = at.index(bytes.len());
        let end = bytes.len().min(at + junk.len());
        bytes[at..end].copy_from_slice(&junk[..end - at]);
        bytes.truncate(if cut { end } else { bytes.len() });
        let keys = if other_keys { Keys::new() } else { whole_file().keys.clone() };
        match Foreign::read(&bytes).and_then(|foreign| super::draft(&foreign, &keys, None)) {
            Ok((draft, _)) => prop_assert!(!draft.config.is_empty()),
            Err(fault) => prop_assert!(!fault.to_string().is_empty()),
        }
    }
}

#[test]
fn lengths_and_shapes_that_are_made_up_are_told_and_no_memory() {
    let told = |bytes: &[u8]| Foreign::read(bytes).err().unwrap().to_string();
    // a graph (field 7) of 2⁶² bytes, and one that ends in the middle of a length
    let length = [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
    assert!(
        told(&length).starts_with("ONNX: not an ONNX file: "),
        "{}",
        told(&length)
    );
    assert!(told(&length[..4]).starts_with("ONNX: not an ONNX file: "));
    let case = case(testing::WIDE_DEEP);
    for dims in [vec![i64::MAX, i64::MAX], vec![-1], vec![1 << 62], vec![]] {
        let forged = changed(&case, |graph| {
            let bias = graph.initializer.iter_mut();
            let mut bias = bias.filter(|t| t.name.as_deref() == Some("hidden.0.bias"));
            bias.next().unwrap().dims = dims.clone();
        });
        let told = import(&case.network, &forged, &case.exported.keys)
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with("ONNX: tensor `hidden.0.bias`: expected floats [8]"),
            "{told}"
        );
    }
}

#[test]
fn kinds_that_are_no_network_are_refused() {
    let text = "format = 1\nkind = \"lr\"\nconf = \"movie\"\nlinear = { slots = [1, 2] }\n";
    let network = testing::network(text);
    let refused = export(&network, &parameters(&network, 1), &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ONNX: kind `lr` is one table and no network; its rows are in weights.safetensors"
    );
}

#[test]
fn an_artefact_goes_out_and_comes_back_with_its_scores() {
    let folder = tempfile::tempdir().unwrap();
    let network = testing::network(testing::DEEP_FM);
    let draft = Draft {
        name: "m".to_owned(),
        config: testing::DEEP_FM.to_owned(),
        plan: Some(testing::plan()),
        parameters: parameters(&network, 3),
        golden: (0..9).map(sample).collect(),
        ..Draft::default()
    };
    let open = |draft: &Draft| {
        let version = publish(folder.path(), draft, 1).unwrap();
        Artefact::open(&folder.path().join(&draft.name).join(version.to_string())).unwrap()
    };
    let artefact = open(&draft);
    let exported = export_artefact(&artefact).unwrap();
    let case = golden_case(&artefact, &exported).unwrap();
    assert_eq!(case["outputs"]["score"].as_array().map(Vec::len), Some(9));
    assert_eq!(
        case["inputs"].as_array().map(Vec::len),
        Some(exported.inputs.len())
    );
    let foreign = Foreign::read(&exported.bytes).unwrap();
    let inputs: Vec<serde_json::Value> =
        serde_json::from_str(foreign.note("rankine.inputs").unwrap()).unwrap();
    assert_eq!(inputs.len(), exported.inputs.len());
    let (back, moved) = super::draft(&foreign, &exported.keys, Some("back")).unwrap();
    assert_eq!(
        (moved.to_bits(), back.parents.as_slice()),
        (0, &["m@1".to_owned()][..])
    );
    let weights = |name: &str| std::fs::read(folder.path().join(name).join("1/weights.safetensors")).unwrap();
    open(&back);
    assert!(weights("m") == weights("back"));
    let bare = export(&network, &draft.parameters, &[]).unwrap();
    let told = super::draft(&Foreign::read(&bare.bytes).unwrap(), &bare.keys, None).map(|_| ());
    assert_eq!(
        told.unwrap_err().to_string(),
        "ONNX: the metadata has no `rankine.config`: not a file that `model export` wrote"
    );
}
