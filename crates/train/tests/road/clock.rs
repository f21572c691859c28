//! Checkpoints by the clock: `train.checkpoint.minutes`.

use std::path::Path;
use std::time::Duration;

use rankine_train::{EpochReport, Frame, Progress, Trained, train_in};

use crate::samples::{model, plan, samples};

/// A listener that holds the run up after each epoch.
struct Slow(Duration);

impl Progress for Slow {
    fn epoch(&mut self, _report: &EpochReport) {
        std::thread::sleep(self.0);
    }
}

/// Three epochs of ten batches whose checkpoints `rhythm` says.
fn run(rhythm: &str, folder: &Path, (resume, hold): (bool, u64)) -> Trained {
    let config = model(
        "widedeep",
        &format!("train = {{ batch = 50, epochs = 3, checkpoint = {rhythm} }}"),
    );
    let frame = Frame {
        checkpoints: Some(folder.to_owned()),
        resume,
        ..Frame::default()
    };
    let (mut learn, mut judge) = (samples(500, 1), samples(100, 2));
    let plan = plan(&mut learn);
    let mut slow = Slow(Duration::from_millis(hold));
    train_in(&config, plan, (&mut learn, &mut judge), &frame, (&mut slow, None)).unwrap()
}

/// Steps of the checkpoints in a folder.
fn steps(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let step = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
    };
    let mut all: Vec<u64> = entries.map(step).collect();
    all.sort_unstable();
    all
}

#[test]
fn a_checkpoint_is_written_at_the_first_step_after_so_many_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // 60 ms, and an epoch is held up for longer
    let whole = run("{ minutes = 0.001, keep = 99 }", &path("often"), (false, 80));
    let written = steps(&path("often"));
    assert!(written.contains(&11) && written.contains(&21), "{written:?}");
    let again = run("{ minutes = 0.001, keep = 99 }", &path("often"), (true, 0));
    assert_eq!(again.parameters.dense, whole.parameters.dense);
    for seldom in ["{ minutes = 60 }", "{}"] {
        run(seldom, &path("seldom"), (false, 0));
        assert_eq!(steps(&path("seldom")), [0; 0], "{seldom}");
    }
    // whichever comes first
    run(
        "{ minutes = 60, steps = 12, keep = 9 }",
        &path("both"),
        (false, 0),
    );
    assert_eq!(steps(&path("both")), [12, 24]);
}
