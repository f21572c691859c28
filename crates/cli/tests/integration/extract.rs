//! `rankine extract` as its page shows it, as a filter, and what it says when something is wrong.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::home::{REPOSITORY, command, home, rankine};
use crate::process::Server;

/// The blocks of a page that a shell runs, one after another.
fn shell(page: &str) -> String {
    let text = std::fs::read_to_string(format!("{REPOSITORY}/docs/{page}")).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block)
        .collect()
}

/// Runs the blocks of a page in a folder, with the binary on the path; returns what they print and what
/// they note. One that fails fails the test.
pub(crate) fn run_page(page: &str, folder: &Path) -> (String, String) {
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rankine"), folder.join("rankine")).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &shell(page)])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("RANKINE_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{noted}");
    (said, noted)
}

#[test]
fn the_page_runs_as_it_stands() {
    let (folder, home) = (tempfile::tempdir().unwrap(), home());
    std::os::unix::fs::symlink(home.path(), folder.path().join(".rankine")).unwrap();
    let (said, noted) = run_page("extract.md", folder.path());
    let pair = said.lines().find(|line| line.starts_with("k1\t")).unwrap();
    assert_eq!(pair.split('\t').count(), 3, "{said}");
    let rejected = "rows.jsonl\t1\ttype\tfield `item`: expected int, got \"x\"\t";
    assert!(said.contains(rejected), "{said}");
    assert!(
        noted.contains("1 rows do not fit and are listed in features.txt.rejects.tsv"),
        "{noted}"
    );
    for file in ["features.parquet", "features.jsonl.gz", "features.txt"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
}

/// Pipes `input` through `rankine extract` with these arguments.
fn piped(arguments: &[&str], input: &[u8]) -> (bool, String, String) {
    let mut child = command(Path::new("."), &[&["extract"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

const SHOP: &str = "format = 1\nname = \"shop\"\nschema.user = [{ name = \"user\", type = \"int\" }]\n\
    schema.item = [{ name = \"item\", type = \"int\" }]\n\
    feature = [{ name = \"pair\", class = \"cross\", slot = 2, depend = [\"user\", \"item\"] }]\n";

#[test]
fn a_long_stream_keeps_its_order_with_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("shop.toml");
    std::fs::write(&conf, SHOP).unwrap();
    let conf = conf.to_str().unwrap();
    let lines: String = (0..50_000).map(|i| format!("{}\t{i}\n", i % 97)).collect();
    let run = |threads: &str, batch: &str| {
        let arguments = [
            "--conf",
            conf,
            "--keep",
            "item",
            "--threads",
            threads,
            "--batch",
            batch,
        ];
        let (good, out, error) = piped(&arguments, lines.as_bytes());
        assert!(good, "{error}");
        out
    };
    let one = run("1", "4096");
    let items: Vec<i64> = one
        .lines()
        .map(|line| line.split('\t').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(items, (0..50_000).collect::<Vec<_>>());
    assert!(run("2", "4096") == one && run("3", "10") == one);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let (folder, home) = (tempfile::tempdir().unwrap(), home());
    let conf = folder.path().join("shop.toml");
    std::fs::write(&conf, SHOP).unwrap();
    let conf = conf.to_str().unwrap();
    let (good, out, error) = piped(&["--conf", conf], b"1\t2\n1\tx\n");
    assert!(
        !good && out.is_empty() && error.contains("-:2: type: field `item`: expected int, got `x`"),
        "{error}"
    );
    let (good, _, error) = piped(&["--conf", conf, "--from", "csv"], b"user\n1\n");
    assert!(
        !good && error.contains("no column `item` (a field of the conf); the file has: user"),
        "{error}"
    );
    let (good, _, error) = piped(&["--conf", conf, "--to", "parquet"], b"");
    assert!(
        !good && error.contains("Parquet is written to files only"),
        "{error}"
    );
    let (good, _, error) = piped(&["--conf", "config/movielens.feature.toml"], b"");
    assert!(
        !good && error.contains("need statistics of training rows"),
        "{error}"
    );
    let error = rankine(home.path(), &["extract", "--model", "item2vec"]).bad(1);
    assert!(error.contains("holds vectors, it has no conf"), "{error}");
    let error = rankine(home.path(), &["extract", "--model", "widedeep", "rows.dat"]).bad(1);
    assert!(
        error.contains("rows.dat: its name does not tell its form; say --from"),
        "{error}"
    );
}

#[test]
fn one_row_is_explained_offline_and_beside_a_server() {
    let home = home();
    let samples = home.path().join("samples/movielens/test.parquet");
    let explain = [
        "extract",
        "--model",
        "widedeep",
        samples.to_str().unwrap(),
        "--explain",
        "7",
    ];
    let offline = rankine(home.path(), &[&explain[..], &["--json"]].concat())
        .good()
        .json();
    let features = offline["features"].as_array().unwrap();
    assert!(features.len() > 10 && features.iter().any(|feature| feature["contribution"].is_number()));
    let server = Server::on(home.path());
    let online = [&explain[..], &["--online", server.rest().base(), "--json"]].concat();
    let both = rankine(home.path(), &online).good().json();
    assert_eq!(both["same_bytes"], true, "{both}");
    assert!(
        both["score"]
            .as_f64()
            .is_some_and(|score| score > 0.0 && score < 1.0),
        "{both}"
    );
    assert_eq!(both["score"], both["online_score"]);
    let told = rankine(home.path(), &online[..online.len() - 1]).good().stdout;
    assert!(
        told.contains("the same offline and online") && !told.contains("DIFFERENT"),
        "{told}"
    );
    let sum: f64 = both["features"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|feature| feature["contribution"].as_f64())
        .map(f64::abs)
        .sum();
    assert!(sum > 0.01, "{both}");
    let error = rankine(
        home.path(),
        &[
            "extract",
            "--model",
            "widedeep",
            explain[3],
            "--explain",
            "99999999",
        ],
    )
    .bad(1);
    assert!(error.contains("no row on line 99999999"), "{error}");
}
