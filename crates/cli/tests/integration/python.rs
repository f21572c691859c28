//! The Python example: stubs made of the proto by Google's own generator, against the running server.
//!
//! The first run makes a Python environment below the cargo target folder and installs grpcio-tools into it; a lock
//! file keeps parallel test processes apart. Needs `python3` with `venv`: without it the test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::home::{REPOSITORY, home};
use crate::process::Server;

const PACKAGES: [&str; 2] = ["grpcio==1.85.1", "grpcio-tools==1.85.1"];

fn run(command: &mut Command) -> (bool, String, String) {
    let output = command
        .output()
        .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The Python interpreter of the environment, made once.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("venv-grpc");
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    let wanted = PACKAGES.join(" ");
    if std::fs::read_to_string(&ready).ok().as_deref() != Some(&*wanted) {
        let (made, _, told) = run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        assert!(made, "{told}");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let (installed, _, told) = run(Command::new(&python).args(pip).args(PACKAGES));
        assert!(installed, "{told}");
        std::fs::write(&ready, wanted).unwrap();
    }
    python
}

#[test]
fn the_example_prints_the_scores_that_rest_gives() {
    let home = home();
    let server = Server::predictor(home.path());
    let script = Path::new(REPOSITORY).join("examples/python/predict.py");
    let address = server.grpc().trim_start_matches("http://").to_owned();
    let example = |models: &str| {
        let mut command = Command::new(python());
        command.arg(&script).args([
            "--address",
            &address,
            "--models",
            models,
            "--timeout",
            "60",
            "6",
            "1",
            "50",
            "318",
        ]);
        run(&mut command)
    };
    let (good, printed, told) = example("nosuch,widedeep");
    assert!(good, "{told}");
    let lines: Vec<Vec<&str>> = printed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][..2], ["nosuch", "MODEL_FAULT_UNKNOWN"]);
    assert_eq!(lines.len(), 4, "{printed}");
    let body = json!({
        "user": { "userId": 6 },
        "items": [{ "id": 1 }, { "id": 50 }, { "id": 318 }],
        "asks": [{ "models": ["widedeep"] }],
    });
    let answer = server.rest().post("/v1/predict", &body.to_string()).good();
    for (line, film) in lines[1..].iter().zip(["1", "50", "318"]) {
        assert_eq!(line[..3], ["widedeep", "1", film]);
        let score: f64 = line[3].parse().unwrap();
        let scores = answer["confs"][0]["models"][0]["scores"].as_array().unwrap();
        // the context's time moves on between the two requests
        assert!(
            scores
                .iter()
                .any(|other| (other.as_f64().unwrap() - score).abs() < 0.05),
            "{printed}{answer}"
        );
    }
    let (refused, _, told) = example("widedeep,widedeep");
    assert!(
        !refused && told.contains("INVALID_ARGUMENT: asks[0].models[1]: `widedeep` is asked for twice"),
        "{told}"
    );
}
