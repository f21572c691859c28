//! A small model on made-up samples: what ONNX files, checkpoints and optimisers' states are of.

use std::sync::{Arc, OnceLock};

use rankine_feature::{Plan, Value};
use rankine_model::{Artefact, Draft, GoldenSample, ModelConfig, onnx, publish};
use rankine_train::{Frame, RowsSource, SampleRow, Silent, TrainError, Trained, train_in};

const CONF: &str = r#"format = 1
name = "made"
schema.user = [{ name = "u", type = "int" }]
schema.item = [{ name = "i", type = "int" }]
schema.context = []
sample = { label = ["label"] }
feature = [
  { name = "user", class = "id", slot = 1, depend = ["u"] },
  { name = "item", class = "id", slot = 2, depend = ["i"] },
]
"#;
const MODEL: &str = r#"format = 1
kind = "embeddingmlp"
conf = "made"
embedding = [{ slots = [1], table = "user", dim = 2 }, { slots = [2], table = "item", dim = 2 }]
hidden = [3]
optimizer.embedding = { kind = "adam", lr = 0.01 }
optimizer.dense = { kind = "adam", lr = 0.01 }
train = { batch = 8, epochs = 2, average = 0.5, keep_optimizer = true, early_stop = { metric = "auc", patience = 1 }, checkpoint = { steps = 4 } }
"#;

/// The model, trained once.
pub struct Made {
    /// What training found.
    pub trained: Trained,
    /// The model as an ONNX file.
    pub onnx: Vec<u8>,
    /// Keys of its rows.
    pub keys: onnx::Keys,
}

/// The model.
pub fn model() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| make().expect("the made-up model"))
}

/// Trains it in a frame.
///
/// # Errors
/// What the frame brings along.
pub fn train(frame: &Frame) -> Result<Trained, TrainError> {
    let config = ModelConfig::parse(MODEL, "made.toml").expect("the model file");
    train_in(&config, plan(), (&mut rows(), &mut rows()), frame, (&mut Silent, None))
}

fn make() -> Result<Made, Box<dyn std::error::Error>> {
    let trained = train(&Frame::default())?;
    let models = std::env::temp_dir().join(format!("rankine-fuzz-{}", std::process::id()));
    let draft = Draft {
        name: "made".to_owned(),
        config: MODEL.to_owned(),
        plan: Some(plan()),
        parameters: trained.parameters.clone(),
        golden: rows().rows().iter().take(2).map(golden).collect(),
        ..Draft::default()
    };
    let version = publish(&models, &draft, 1)?;
    let artefact = Artefact::open(&models.join("made").join(version.to_string()))?;
    let exported = onnx::export_artefact(&artefact)?;
    std::fs::remove_dir_all(models)?;
    Ok(Made {
        trained,
        onnx: exported.bytes,
        keys: exported.keys,
    })
}

fn plan() -> Arc<Plan> {
    Arc::new(Plan::compile(CONF, "made.toml", None).expect("the conf"))
}

fn golden(row: &SampleRow) -> GoldenSample {
    GoldenSample {
        user: row.user.clone(),
        item: row.item.clone(),
        context: row.context.clone(),
    }
}

/// Forty samples of six users and five items.
fn rows() -> RowsSource {
    let row = |n: i64| SampleRow {
        user: vec![Value::Int(n % 6)],
        item: vec![Value::Int(n * 7 % 5)],
        label: f32::from(u8::from(n % 6 % 2 == n * 7 % 5 % 2)),
        weight: 1.0,
        ..SampleRow::default()
    };
    RowsSource::new((0..40).map(row).collect())
}
