//! A Python environment with the programs that read what we write; the tests of several crates share it.
//!
//! The first run makes it below the cargo target folder; a lock file keeps parallel test processes apart. Needs `python3` with
//! `venv`: without it a test fails, it does not pass quietly.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: [&str; 5] = [
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "numpy==2.4.6",
    "safetensors==0.8.0",
    "faiss-cpu==1.15.1",
];

/// Runs a command that must succeed and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed: {}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The Python interpreter, made once.
pub(crate) fn python() -> PathBuf {
    // target/<profile>/deps/<test>
    let exe = std::env::current_exe().unwrap();
    let folder = exe.ancestors().nth(3).unwrap().join("tmp/venv-interchange");
    std::fs::create_dir_all(folder.parent().unwrap_or(Path::new("."))).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    let wanted = PACKAGES.join(" ");
    if std::fs::read_to_string(&ready).ok().as_deref() != Some(&*wanted) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(pip).args(PACKAGES));
        std::fs::write(&ready, wanted).unwrap();
    }
    python
}
