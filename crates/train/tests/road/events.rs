//! What a training writes for TensorBoard.

use rankine_train::tensorboard::EventWriter;
use rankine_train::{Silent, train};

use crate::samples::{model, plan, samples};

#[test]
fn weights_and_gradients_are_written_after_every_epoch_and_change_nothing() {
    let (mut learn, mut judge) = (samples(500, 1), samples(100, 2));
    let plan = plan(&mut learn);
    let config = model("embeddingmlp", "train = { batch = 64, epochs = 3 }");
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventWriter::create(folder.path(), "train", || 1.0).unwrap();
    let path = events.path().to_owned();
    let heard = train(
        &config,
        plan.clone(),
        &mut learn,
        &mut judge,
        &mut Silent,
        Some(&mut events),
    )
    .unwrap();
    drop(events);
    let bytes = std::fs::read(path).unwrap();
    let times = |tag: &str| {
        bytes
            .windows(tag.len())
            .filter(|part| *part == tag.as_bytes())
            .count()
    };
    for tensor in ["emb.user", "hidden.0.weight", "hidden.0.bias", "output.weight"] {
        for what in ["weights", "gradients"] {
            assert_eq!(times(&format!("{what}/{tensor}")), 3, "{what}/{tensor}");
        }
    }
    for figure in [
        "loss",
        "auc",
        "accuracy",
        "valid_loss",
        "valid_auc",
        "valid_accuracy",
    ] {
        assert_eq!(times(&format!("epoch/{figure}")), 3, "{figure}");
    }
    let learnt = heard.history[2].accuracy.unwrap();
    assert!((0.6..1.0).contains(&learnt), "{learnt}");
    let alone = train(&config, plan, &mut learn, &mut judge, &mut Silent, None).unwrap();
    let losses =
        |history: &[rankine_train::EpochReport]| history.iter().map(|e| e.valid_loss).collect::<Vec<_>>();
    assert_eq!(losses(&heard.history), losses(&alone.history));
}
