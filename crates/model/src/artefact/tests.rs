//! Artefacts on disk: what is written is what is read; nothing damaged, unknown or half-written is ever accepted.

use super::*;
use crate::error::ModelError;
use crate::layer::Rows as _;
use crate::scorer::{Hidden, ScoreScratch, Scorer};
use crate::testing::{FLAT, MODELS, WIDE_DEEP, network, parameters, parts, plan, sample};
use proptest::prelude::*;
use rankine_feature::{FieldType, Key, Lookup, MemoryDictionary, Plan, Value};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

const VECTORS: &str = "format = 1\nkind = \"item2vec\"\n";

fn draft(text: &str, seed: u64) -> Draft {
    Draft {
        name: "m".to_owned(),
        config: text.to_owned(),
        plan: Some(plan()),
        parameters: parameters(&network(text), seed),
        metrics: serde_json::json!({ "auc": 0.75 }),
        baselines: serde_json::json!({ "constant": { "auc": 0.5 } }),
        data: Some(DataInfo {
            split: "per user by time".to_owned(),
            rows: 40,
            hash: String::new(),
        }),
        card: "# A model\n".to_owned(),
        golden: (0..5).map(sample).collect(),
        ..Draft::default()
    }
}

fn vectors() -> Draft {
    let vectors = Vectors {
        ids: vec![-3, 7, 9],
        dim: 2,
        rows: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    };
    Draft {
        name: "v".to_owned(),
        config: VECTORS.to_owned(),
        vectors: Some(vectors),
        ..Draft::default()
    }
}

/// A published model in a folder of its own.
fn published(text: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(publish(home.path(), &draft(text, 11), 1_000_000).unwrap(), 1);
    let dir = home.path().join("m/1");
    (home, dir)
}

/// Copies a version's folder, so that a test may spoil it.
fn copy(dir: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

/// Changes a file and then the manifest, so that only the content speaks against it.
fn reseal(dir: &Path, name: &str, bytes: &[u8], change: &dyn Fn(&mut Manifest)) {
    std::fs::write(dir.join(name), bytes).unwrap();
    let mut manifest: Manifest =
        serde_json::from_slice(&std::fs::read(dir.join(file::MANIFEST)).unwrap()).unwrap();
    let info = FileInfo {
        bytes: bytes.len() as u64,
        xxh3_128: checksum::hex(bytes),
    };
    manifest.files.insert(name.to_owned(), info);
    change(&mut manifest);
    std::fs::write(dir.join(file::MANIFEST), manifest.text().unwrap()).unwrap();
}

#[test]
fn what_is_published_is_what_is_opened() {
    for text in MODELS.into_iter().take(3) {
        let (_home, dir) = published(text);
        let artefact = Artefact::open(&dir).unwrap();
        let (network, plan) = (network(text), plan());
        let expected = Scorer::new(&network, &parameters(&network, 11)).unwrap();
        for seed in 0..60 {
            let parts = parts(&plan, &sample(seed));
            let score = |scorer: &Scorer| {
                let (mut common, mut item) = (Hidden::default(), Hidden::default());
                scorer.common(&parts[0], &mut common);
                scorer.item(&parts[1], &mut item);
                scorer.score(&common, &item, &parts[2], &mut ScoreScratch::default())
            };
            assert_eq!(
                score(artefact.scorer().unwrap()).to_bits(),
                score(&expected).to_bits()
            );
        }
        assert_eq!(artefact.plan().unwrap().hash(), plan.hash());
        assert_eq!(artefact.network(), Some(&network));
        assert!(artefact.vectors().is_none());
        assert_eq!((artefact.dir(), artefact.config().text()), (dir.as_path(), text));
    }
}

#[test]
fn the_manifest_says_what_the_model_is() {
    let (_home, dir) = published(WIDE_DEEP);
    let artefact = Artefact::open(&dir).unwrap();
    let manifest = artefact.manifest();
    assert_eq!(
        (manifest.format, manifest.kind.as_str(), manifest.name.as_str()),
        (1, "widedeep", "m")
    );
    assert_eq!((manifest.version, manifest.created), (1, 1_000_000));
    assert_eq!(manifest.conf.as_ref().unwrap().name, "movie");
    let slots: Vec<u32> = manifest.inputs.iter().map(|i| i.slot).collect();
    assert_eq!(slots, [1, 2, 4, 5, 21, 30]);
    assert_eq!(
        (manifest.inputs[4].width, manifest.inputs[5].group.as_str()),
        (Some(2), "cross")
    );
    assert_eq!(
        manifest.outputs,
        [Output {
            name: "label".into(),
            kind: "probability".into()
        }]
    );
    assert_eq!(manifest.metrics["auc"], 0.75);
    let files: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    assert_eq!(
        files,
        [file::CARD, file::FEATURE, file::FIT, file::GOLDEN, file::WEIGHTS]
    );
}

#[test]
fn an_output_is_called_what_it_means() {
    let kinds = [("bce", "probability"), ("mse", "number")].map(|(loss, kind)| {
        let (_home, dir) = published(&format!("{WIDE_DEEP}loss = \"{loss}\"\n"));
        (
            Artefact::open(&dir).unwrap().manifest().outputs[0].kind.clone(),
            kind,
        )
    });
    assert!(kinds.iter().all(|(found, kind)| found == kind), "{kinds:?}");
    let meaning = |kind: &str| {
        let text = format!("format = 1\nconf = \"movie\"\nkind = \"{kind}\"\nmatrix = {{ item = 2 }}\n");
        crate::ModelConfig::parse(&text, "m.toml")
            .unwrap()
            .meaning()
            .name()
    };
    assert_eq!(meaning("popularity"), "order");
}

#[test]
fn weights_are_standard_safetensors_sorted_and_aligned() {
    let (_home, dir) = published(WIDE_DEEP);
    let bytes = std::fs::read(dir.join(file::WEIGHTS)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let expected = parameters(&network(WIDE_DEEP), 11);
    for (name, view) in tensors.iter() {
        let offset = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert!(
            name.starts_with("pad.") || offset.is_multiple_of(64),
            "{name} starts at {offset}"
        );
    }
    let keys = tensors.tensor("emb.id.keys").unwrap();
    assert_eq!(keys.dtype(), safetensors::Dtype::U64);
    let keys: Vec<u64> = keys
        .data()
        .chunks(8)
        .map(|b| u64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert!(keys.is_sorted() && keys.len() == expected.tables["id"].len());
    let rows = tensors.tensor("emb.id.rows").unwrap();
    assert_eq!(
        (rows.dtype(), rows.shape()),
        (safetensors::Dtype::F32, &[keys.len() + 1, 4][..])
    );
    let last: Vec<f32> = rows.data()[keys.len() * 16..]
        .chunks(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(last, expected.tables["id"].missing());
    assert_eq!(tensors.tensor("hidden.0.weight").unwrap().shape(), [10, 8]);
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    let (_a, first) = published(FLAT);
    let (_b, second) = published(FLAT);
    for name in [
        file::MANIFEST,
        file::WEIGHTS,
        file::GOLDEN,
        file::FEATURE,
        file::FIT,
        file::CARD,
    ] {
        assert_eq!(
            std::fs::read(first.join(name)).unwrap(),
            std::fs::read(second.join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn vectors_are_published_and_opened() {
    let home = tempfile::tempdir().unwrap();
    publish(home.path(), &vectors(), 5).unwrap();
    let artefact = Artefact::open(&home.path().join("v/1")).unwrap();
    let (ids, dim, rows) = artefact.vectors().unwrap();
    assert_eq!(
        (ids, dim, rows),
        (&[-3, 7, 9][..], 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..])
    );
    assert!(artefact.scorer().is_none() && artefact.plan().is_none() && artefact.network().is_none());
}

#[test]
fn versions_are_numbers() {
    let (home, dir) = published(FLAT);
    let folder = home.path().join("m");
    let rename = |version: u64, name: &str| {
        let to = folder.join(name);
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        let card = std::fs::read(to.join(file::CARD)).unwrap();
        reseal(&to, file::CARD, &card, &|m| m.version = version);
    };
    for (version, name) in [(9, "9"), (10, "10"), (2, "002"), (7, "8"), (3, "x3"), (4, ".4")] {
        rename(version, name);
    }
    std::fs::create_dir(folder.join("12")).unwrap();
    std::fs::create_dir(folder.join("0")).unwrap();
    let found = versions(&folder);
    assert_eq!(found.iter().map(|(v, _)| *v).collect::<Vec<_>>(), [1, 2, 9, 10]);
    assert_eq!(found[1].1, folder.join("002"));
    assert_eq!(
        publish(home.path(), &draft(FLAT, 1), 0).unwrap(),
        13,
        "an incomplete number is not given again"
    );
    assert!(versions(&home.path().join("nobody")).is_empty());
}

#[test]
fn publishers_at_the_same_time_get_different_versions() {
    let home = tempfile::tempdir().unwrap();
    let mut got: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                scope.spawn({
                    let path = home.path();
                    move || publish(path, &draft(FLAT, seed), 0).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    got.sort_unstable();
    assert_eq!(got, [1, 2, 3, 4, 5, 6, 7, 8]);
    let found = versions(&home.path().join("m"));
    assert_eq!(found.len(), 8);
    found
        .iter()
        .for_each(|(_, dir)| drop(Artefact::open(dir).unwrap()));
}

#[test]
fn what_a_killed_publisher_left_is_invisible_and_swept() {
    let (home, dir) = published(FLAT);
    let left = home.path().join("m/.publish-2");
    std::fs::rename(&dir, &left).unwrap();
    assert!(versions(&home.path().join("m")).is_empty());
    publish(home.path(), &draft(FLAT, 1), 0).unwrap();
    assert!(!left.exists());
}

#[test]
fn drafts_that_contradict_themselves_are_refused_and_leave_nothing() {
    let home = tempfile::tempdir().unwrap();
    let refused = |mut draft: Draft, change: &dyn Fn(&mut Draft), why: &str| {
        change(&mut draft);
        let fault = publish(home.path(), &draft, 0).unwrap_err().to_string();
        assert!(fault.contains(why), "{fault}");
    };
    let model = || draft(FLAT, 1);
    refused(model(), &|d| d.name = "../m".into(), "a name is made of");
    refused(model(), &|d| d.golden.clear(), "golden samples");
    refused(model(), &|d| d.plan = None, "takes a plan");
    refused(model(), &|d| d.config = WIDE_DEEP.into(), "tensor");
    refused(
        model(),
        &|d| drop(d.files.insert(file::GOLDEN.into(), Vec::new())),
        "not free",
    );
    refused(vectors(), &|d| d.plan = Some(plan()), "takes vectors");
    refused(
        vectors(),
        &|d| d.vectors.as_mut().unwrap().ids.reverse(),
        "ascending",
    );
    let spoil = |d: &mut Draft| d.parameters.dense.get_mut("output.bias").unwrap().data[0] = f32::NAN;
    refused(model(), &spoil, "not finite");
    assert!(versions(&home.path().join("m")).is_empty());
    let left = std::fs::read_dir(home.path().join("m")).unwrap().flatten();
    assert_eq!(left.map(|e| e.file_name()).collect::<Vec<_>>(), [".lock"]);
}

#[test]
fn an_unknown_format_is_refused_as_such() {
    let (_home, dir) = published(FLAT);
    let spoilt = copy(&dir);
    let path = spoilt.path().join(file::MANIFEST);
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&path, text).unwrap();
    let fault = Artefact::open(spoilt.path()).unwrap_err();
    assert!(
        matches!(&fault, ModelError::Format { expected: 1, got, .. } if got == "2"),
        "{fault}"
    );
}

#[test]
fn a_manifest_cannot_reach_outside_its_folder() {
    let (_home, dir) = published(FLAT);
    for name in ["../card.md", "/etc/passwd", "", ".lock", "a/b"] {
        let spoilt = copy(&dir);
        let card = std::fs::read(dir.join(file::CARD)).unwrap();
        let info = FileInfo {
            bytes: 0,
            xxh3_128: String::new(),
        };
        reseal(spoilt.path(), file::CARD, &card, &|m| {
            drop(m.files.insert(name.to_owned(), info.clone()))
        });
        assert!(
            matches!(Artefact::open(spoilt.path()), Err(ModelError::Invalid { .. })),
            "{name}"
        );
    }
}

#[test]
fn golden_scores_must_be_equal_here_and_close_elsewhere() {
    let (_home, dir) = published(WIDE_DEEP);
    let text = std::fs::read_to_string(dir.join(file::GOLDEN)).unwrap();
    let shifted = |by: f64| {
        let lines = text.lines().map(|line| {
            let mut json: serde_json::Value = serde_json::from_str(line).unwrap();
            json["score"] = (json["score"].as_f64().unwrap() + by).into();
            json.to_string()
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let open = |by: f64, isa: Option<&str>| {
        let spoilt = copy(&dir);
        let isa = |m: &mut Manifest| m.isa = isa.map_or(m.isa.clone(), str::to_owned);
        reseal(spoilt.path(), file::GOLDEN, shifted(by).as_bytes(), &isa);
        Artefact::open(spoilt.path()).map(|_| ())
    };
    open(0.0, None).unwrap();
    assert!(matches!(
        open(1e-6, None),
        Err(ModelError::Golden { line: 1, .. })
    ));
    assert!(open(1e-6, Some("elsewhere")).is_ok());
    assert!(matches!(
        open(1e-4, Some("elsewhere")),
        Err(ModelError::Golden { line: 1, .. })
    ));
}

/// A conf that reads prices by movie and a fixed cell, and a model over both.
fn reading() -> Draft {
    let conf = r#"format = 1
name = "movie"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "movieId", type = "int" }]
sample = { label = ["label"] }
dictionary = [
  { name = "prices", key = "int", columns = [{ name = "price", type = "float" }], frozen = true },
  { name = "faces", key = "int", columns = [{ name = "face", type = "vector<2>" }] },
]
feature = [
  { name = "user", class = "id", slot = 1, depend = ["userId"] },
  { name = "price", class = "lookup", slot = 2, depend = ["movieId"], str_args = ["@prices.price"] },
  { name = "face", class = "vector", slot = 3, depend = ["movieId"], str_args = ["copy", "@faces.face"] },
]
"#;
    let model = "format = 1\nkind = \"embeddingmlp\"\nconf = \"movie\"\ndense = { slots = [2, 3] }\n\
                 embedding = [{ slots = [1], table = \"user\", dim = 2 }]\n";
    let (mut prices, mut faces) = (
        MemoryDictionary::new(&[("other", FieldType::Int), ("price", FieldType::Float)]).with_digest(5),
        MemoryDictionary::new(&[("face", FieldType::Vector(2))]),
    );
    for movie in 0..3 {
        let price = Value::Float(1.5 + movie as f64);
        assert!(prices.insert(Key::Int(movie), vec![Value::Int(9), price]));
        assert!(faces.insert(Key::Int(movie), vec![Value::vector(&[0.25, movie as f32])]));
    }
    let (prices, faces): (Arc<dyn Lookup>, Arc<dyn Lookup>) = (Arc::new(prices), Arc::new(faces));
    let plan = Plan::compile(conf, "conf.toml", None).unwrap();
    let find = |name: &str| {
        Some(if name == "prices" {
            prices.clone()
        } else {
            faces.clone()
        })
    };
    let plan = Arc::new(plan.bind(find).unwrap());
    let network =
        crate::Network::compile(&crate::ModelConfig::parse(model, "m.toml").unwrap(), &plan).unwrap();
    let mut parameters = crate::Parameters::default();
    parameters.tables.insert("user".into(), crate::Table::plain(2));
    for tensor in network.tensors() {
        let data = vec![0.5; tensor.shape.iter().product()];
        parameters
            .dense
            .insert(tensor.name, crate::Tensor::new(&tensor.shape, data));
    }
    let golden = |movie| GoldenSample {
        user: vec![Value::Int(1)],
        item: vec![Value::Int(movie)],
        context: vec![],
    };
    Draft {
        config: model.to_owned(),
        plan: Some(plan),
        parameters,
        golden: (0..4).map(golden).collect(),
        ..draft(FLAT, 1)
    }
}

#[test]
fn golden_samples_are_replayed_with_what_they_read_from_dictionaries() {
    let home = tempfile::tempdir().unwrap();
    publish(home.path(), &reading(), 0).unwrap();
    let dir = home.path().join("m/1");
    Artefact::open(&dir).unwrap();
    let text = std::fs::read_to_string(dir.join(file::GOLDEN)).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = serde_json::json!({
        "prices": { "1": { "price": 2.5 } },
        "faces": { "1": { "face": [0.25, 1.0] } },
    });
    assert_eq!(lines[1]["reads"], expected);
    assert_eq!(
        lines[3]["reads"],
        serde_json::json!({ "prices": {}, "faces": {} }),
        "an unknown film"
    );
    assert_ne!(lines[0]["score"], lines[1]["score"], "what is read is scored");
    let open = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut first = lines[0].clone();
        change(&mut first);
        let spoilt = copy(&dir);
        reseal(
            spoilt.path(),
            file::GOLDEN,
            format!("{first}\n").as_bytes(),
            &|_| {},
        );
        Artefact::open(spoilt.path()).map(|_| ()).unwrap_err().to_string()
    };
    let other = open(&|line| line["reads"]["prices"]["0"]["price"] = 7.into());
    assert!(other.contains("golden score"), "{other}");
    let bad = open(&|line| line["reads"]["prices"] = serde_json::json!({ "x": { "price": 1 } }));
    assert!(bad.contains("dictionary `prices`: key `x` is no number"), "{bad}");
    let none = open(&|line| line["reads"] = serde_json::json!({ "prices": {} }));
    assert!(none.contains("no reads of dictionary `faces`"), "{none}");
    let deaf = open(&|line| drop(line.as_object_mut().unwrap().remove("reads")));
    assert!(deaf.contains("golden score"), "{deaf}");
}

#[test]
fn other_weights_behind_the_same_golden_scores_are_found() {
    let (home, dir) = published(WIDE_DEEP);
    publish(home.path(), &draft(WIDE_DEEP, 12), 0).unwrap();
    let other = std::fs::read(home.path().join("m/2").join(file::WEIGHTS)).unwrap();
    let spoilt = copy(&dir);
    reseal(spoilt.path(), file::WEIGHTS, &other, &|_| {});
    assert!(matches!(
        Artefact::open(spoilt.path()),
        Err(ModelError::Golden { .. })
    ));
}

/// Artefacts written on 2026-11-22, in the first format, and never again: what a release wrote, later ones read.
#[test]
fn artefacts_of_the_first_format_still_open() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-1");
    for (kind, text) in ["embeddingmlp", "widedeep", "neuralcf"].iter().zip(MODELS) {
        let artefact = Artefact::open(&old.join(kind)).unwrap();
        assert_eq!(
            (artefact.manifest().kind.as_str(), artefact.config().text()),
            (*kind, text)
        );
    }
    let vectors = Artefact::open(&old.join("item2vec")).unwrap();
    let (ids, dim, rows) = vectors.vectors().unwrap();
    assert_eq!(
        (ids, dim, rows),
        (&[-3, 7, 9][..], 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..])
    );
}

/// A published model that tests copy from.
fn original() -> &'static Path {
    static ORIGINAL: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &ORIGINAL.get_or_init(|| published(WIDE_DEEP)).1
}

fn files() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        file::MANIFEST,
        file::WEIGHTS,
        file::GOLDEN,
        file::FEATURE,
        file::FIT,
        file::CARD,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_changed_byte_is_found(name in files(), at: prop::sample::Index, mask in 1u8..) {
        let spoilt = copy(original());
        let path = spoilt.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        std::fs::write(&path, bytes).unwrap();
        prop_assert!(Artefact::open(spoilt.path()).is_err(), "{} byte {}", name, at);
    }

    #[test]
    fn any_cut_or_missing_file_is_found(name in files(), at: prop::sample::Index, gone: bool) {
        let spoilt = copy(original());
        let path = spoilt.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        if gone {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::write(&path, &bytes[..at.index(bytes.len())]).unwrap();
        }
        prop_assert!(Artefact::open(spoilt.path()).is_err());
    }

    /// Whoever writes checksums, too, can make an artefact say anything, but cannot make opening panic.
    #[test]
    fn resealed_damage_never_panics(name in files(), at: prop::sample::Index, byte: u8, cut: bool) {
        prop_assume!(name != file::MANIFEST);
        let spoilt = copy(original());
        let mut bytes = std::fs::read(spoilt.path().join(name)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        reseal(spoilt.path(), name, &bytes, &|_| {});
        if let Ok(artefact) = Artefact::open(spoilt.path()) {
            prop_assert!(artefact.scorer().is_some());
        }
    }
}

#[test]
fn numpy_reproduces_the_scores_from_the_weights_file() {
    let (home, dir) = published(crate::testing::EMBEDDING_MLP);
    let artefact = Artefact::open(&dir).unwrap();
    let (plan, scorer) = (artefact.plan().unwrap(), artefact.scorer().unwrap());
    // as `rankine extract --to jsonl` writes them
    let line = |parts: &[rankine_feature::Part; 3]| {
        let cell = |slot: &rankine_feature::SlotSpec| {
            let part = crate::testing::part_of(parts, slot.group);
            if let rankine_feature::SlotKind::Dense(width) = slot.kind {
                return serde_json::json!(part.dense(slot.index, width));
            }
            let (signs, weights) = part.sparse(slot.index);
            let pairs = signs.iter().zip(weights);
            serde_json::json!(pairs.map(|(s, w)| (s.to_string(), *w)).collect::<Vec<_>>())
        };
        let cells = plan.slots().iter();
        let cells = cells.map(|slot| (format!("s{}", slot.slot), cell(slot)));
        format!("{}\n", serde_json::Value::Object(cells.collect()))
    };
    let samples: Vec<_> = (0..40).map(|seed| parts(plan, &sample(seed))).collect();
    let features = home.path().join("features.jsonl");
    std::fs::write(&features, samples.iter().map(line).collect::<String>()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/numpy_score.py");
    let mut numpy = std::process::Command::new(crate::testing::venv::python());
    let told = crate::testing::venv::run(numpy.arg(script).arg(&dir).arg(&features));
    assert_eq!(told.lines().count(), samples.len());
    for (line, parts) in told.lines().zip(&samples) {
        let (got, expected) = (line.parse::<f32>().unwrap(), crate::testing::score(scorer, parts));
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }
}
