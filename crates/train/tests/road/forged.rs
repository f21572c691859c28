//! What a run goes on or begins from says anything: a run or a fault, and never a panic.

use std::sync::Arc;

use rankine_model::{Table, Tensor};
use rankine_train::warm::Start;
use rankine_train::{Frame, Silent, TrainError, Trained, train_in};

use crate::samples::{model, plan, samples};

#[path = "../../src/checkpoint/forging.rs"]
mod forging;

const TRAIN: &str = "train = { batch = 64, epochs = 2, average = 0.5, keep_optimizer = true, \
                     early_stop = { metric = \"auc\", patience = 1 }, checkpoint = { steps = 3, keep = 9 } }";

fn run(kind: &str, frame: &Frame) -> Result<Trained, TrainError> {
    let plan = plan(&mut samples(300, 1));
    let config = model(kind, TRAIN);
    let (mut learn, mut judge) = (samples(300, 1), samples(100, 2));
    train_in(
        &config,
        plan,
        (&mut learn, &mut judge),
        frame,
        (&mut Silent, None),
    )
}

#[test]
fn a_checkpoint_that_says_anything_under_a_right_checksum_is_a_run_or_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let frame = |folder: &std::path::Path, resume| Frame {
        checkpoints: Some(folder.to_owned()),
        resume,
        ..Frame::default()
    };
    run("widedeep", &frame(folder.path(), false)).unwrap();
    let mut all: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    // of the second epoch, so that there is a history and a best epoch
    let last = all.last().unwrap();
    run("widedeep", &frame(folder.path(), true)).unwrap();
    let mut refused = 0;
    forging::forged(last, 60, |folder| {
        refused += usize::from(run("widedeep", &frame(folder, true)).is_err());
    });
    assert!(refused > 5, "{refused} of 60");
}

#[test]
fn a_kept_optimisers_state_that_says_anything_is_taken_or_left() {
    let first = run("widedeep", &Frame::default()).unwrap();
    let state = first.optimizer.as_ref().unwrap();
    let begun = |change: &dyn Fn(&mut rankine_model::Parameters<f32>)| {
        let mut state = state.clone();
        change(&mut state);
        let start = Start {
            from: "models/m/1".into(),
            parameters: first.parameters.clone(),
            optimizer: Some(state),
            ..Start::default()
        };
        let frame = Frame {
            start: Some(Arc::new(start)),
            ..Frame::default()
        };
        run("widedeep", &frame)
    };
    begun(&|_| {}).unwrap();
    for steps in [f32::INFINITY, f32::NAN, -3.0, f32::MAX, 0.5] {
        begun(&|state| state.dense.get_mut("steps").unwrap().data = vec![steps]).unwrap();
    }
    for name in state.dense.keys() {
        for data in [vec![], vec![f32::NAN], vec![-1.0; 3], vec![1e30; 100_000]] {
            begun(&|state| {
                let tensor = Tensor::new(&[data.len()], data.clone());
                state.dense.insert(name.clone(), tensor);
            })
            .map(|_| ())
            .unwrap_or_else(|fault| assert!(matches!(fault, TrainError::Diverged { .. }), "{name}: {fault}"));
        }
    }
    for name in state.tables.keys() {
        for dim in [1, 2, 64] {
            begun(&|state| drop(state.tables.insert(name.clone(), Table::plain(dim)))).unwrap();
        }
    }
}
