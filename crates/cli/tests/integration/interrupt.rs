//! Ctrl-C and SIGKILL at any point of `rankine demo`: nothing half-written is visible, and running again continues.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::home::{command, files, prepared, rankine};
use crate::process::signal;

/// When a run is ended.
#[derive(Clone, Copy, Debug)]
enum When {
    /// As soon as a file is being written under a name that begins like this, below this folder.
    Writing(&'static str, &'static str),
    /// After this share of the time that an undisturbed run takes.
    Share(f64),
}

/// Rounds in order: each starts from what the one before left.
const ROUNDS: [(&str, When); 7] = [
    ("INT", When::Share(0.004)),
    ("KILL", When::Writing("events", ".")),
    ("KILL", When::Writing("samples", ".train")),
    ("INT", When::Share(0.13)),
    ("KILL", When::Writing("models", ".publish-")),
    ("INT", When::Share(0.17)),
    ("KILL", When::Share(0.29)),
];

#[test]
fn ended_anywhere_nothing_half_written_is_visible_and_running_again_completes() {
    let home = tempfile::tempdir().unwrap();
    let mut ended = 0;
    for (name, when) in ROUNDS.into_iter().cycle().take(3 * ROUNDS.len()) {
        let mut child = start(home.path());
        let in_time = wait(&mut child, home.path(), when);
        if in_time {
            signal(name, child.id());
            ended += 1;
        }
        child.wait().unwrap();
        let context = format!("{name} {when:?}");
        everything_visible_is_whole(home.path(), &context);
        if ended == ROUNDS.len() {
            break;
        }
        if !in_time {
            // all is there, and a run that has nothing to do ends at once: from nothing again
            empty(home.path());
        }
    }
    assert!(ended >= 4, "only {ended} runs were ended before they were done");
    rankine(home.path(), &["demo", "--once"]).good();
    everything_visible_is_whole(home.path(), "the last run");
    the_data_is_that_of_an_undisturbed_run(home.path());
    for model in MODELS {
        rankine(home.path(), &["model", "verify", model]).good();
    }
    only_what_is_missing_is_made(home.path());
}

fn empty(home: &Path) {
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
}

const MODELS: [&str; 4] = ["embeddingmlp", "widedeep", "neuralcf", "item2vec"];

/// When each model's first version was published; none for one that is not there.
fn published(home: &Path) -> [Option<SystemTime>; 4] {
    let manifest = |model| home.join("models").join(model).join("1/manifest.json");
    MODELS.map(|model| manifest(model).metadata().and_then(|m| m.modified()).ok())
}

/// Running again continues: a model that is gone is trained, the others are left as they were.
fn only_what_is_missing_is_made(home: &Path) {
    let before = published(home);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    std::fs::remove_dir_all(home.join("models/neuralcf")).unwrap();
    rankine(home, &["demo", "--once"]).good();
    let after = published(home);
    for (place, model) in MODELS.iter().enumerate() {
        let made_again = before[place] != after[place];
        assert_eq!(
            made_again,
            *model == "neuralcf",
            "{model}: {before:?}, then {after:?}"
        );
        assert!(
            !home.join("models").join(model).join("2").exists(),
            "{model} has a second version"
        );
    }
}

fn start(home: &Path) -> Child {
    let mut command = command(home, &["demo", "--once"]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for the moment; false when the run was done before it came.
fn wait(child: &mut Child, home: &Path, when: When) -> bool {
    let begun = Instant::now();
    let due = || match when {
        When::Share(share) => begun.elapsed() >= prepared().took.mul_f64(share),
        When::Writing(folder, prefix) => being_written(&home.join(folder), prefix),
    };
    while !due() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    child.try_wait().unwrap().is_none()
}

/// Whether a hidden name other than a lock is there, at most two folders down.
fn being_written(folder: &Path, prefix: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    names.any(|(name, path)| {
        (name.starts_with(prefix) && !name.ends_with("lock"))
            || (!name.starts_with('.') && being_written(&path, prefix))
    })
}

fn hidden(home: &Path, file: &Path) -> bool {
    let inside = file.strip_prefix(home).unwrap();
    inside
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
}

/// Every file that readers look for parses to its end; data, if imported, passes its check; every version verifies.
fn everything_visible_is_whole(home: &Path, context: &str) {
    for file in files(home).into_iter().filter(|file| !hidden(home, file)) {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => {
                let read = rankine_table::parquet::read(&file);
                assert!(
                    read.is_ok(),
                    "{context}: {}: {}",
                    file.display(),
                    read.err().unwrap()
                );
            }
            Some("json") => {
                let text = std::fs::read_to_string(&file).unwrap();
                let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
                assert!(read.is_ok(), "{context}: {}: {text}", file.display());
            }
            _ => {}
        }
    }
    if home.join("data/import.json").exists() {
        rankine(home, &["data", "check"]).good();
    }
    let listed = rankine(home, &["model", "list", "--json"]).good().json();
    for model in listed.as_array().unwrap() {
        let name = format!("{}@{}", model["name"].as_str().unwrap(), model["version"]);
        rankine(home, &["model", "verify", &name]).good();
    }
}

/// Byte for byte: import and samples do not depend on how often they were begun.
fn the_data_is_that_of_an_undisturbed_run(home: &Path) {
    let whole = &prepared().root;
    for folder in ["data", "events", "samples"] {
        let expected: Vec<_> = files(&whole.join(folder))
            .into_iter()
            .filter(|f| !hidden(whole, f))
            .collect();
        let got: Vec<_> = files(&home.join(folder))
            .into_iter()
            .filter(|f| !hidden(home, f))
            .collect();
        let name = |root: &Path, file: &Path| file.strip_prefix(root).unwrap().to_owned();
        let names = |root: &Path, files: &[std::path::PathBuf]| {
            files.iter().map(|f| name(root, f)).collect::<Vec<_>>()
        };
        assert_eq!(names(home, &got), names(whole, &expected));
        for (expected, got) in expected
            .iter()
            .zip(&got)
            .filter(|(file, _)| file.extension() == Some("parquet".as_ref()))
        {
            assert!(
                std::fs::read(expected).unwrap() == std::fs::read(got).unwrap(),
                "{}",
                got.display()
            );
        }
    }
}
