//! The files of `examples/` do what their first lines say: against a served home, and an import.

use std::process::Command;

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

/// Runs an example to its good end; returns what it printed.
fn printed(command: &mut Command) -> String {
    let output = command.current_dir(REPOSITORY).output().expect("it runs");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout
}

#[test]
fn the_tour_with_curl_and_the_python_client_run_against_a_server() {
    let home = home();
    let server = Server::on(home.path());
    let (site, rest) = (server.site().base(), server.rest().base());
    let mut tour = Command::new(format!("{REPOSITORY}/examples/curl.sh"));
    let text = printed(tour.env("SITE", site).env("REST", rest));
    for expected in [
        "Toy Story",
        "x-rankine-model",
        "\"duplicate\":false",
        "\n400\n",
        "\"predictions\"",
        "rankine_model{model=\"widedeep\",what=\"version\"} 1",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let mut scores = Command::new("python3");
    let text = printed(scores.args(["examples/predict.py", "--url", rest, "6", "1", "52"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "widedeep version 1, user 6");
    let score = |line: &str| line.split_whitespace().next().unwrap().parse::<f64>().unwrap();
    assert!(lines.len() == 3 && score(lines[1]) >= score(lines[2]), "{text}");
}

#[test]
fn the_shop_is_imported_as_its_page_says() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["data", "import", "examples/mapping", "--json"];
    let summary = rankine(home.path(), &arguments).good().json();
    for (what, count) in [("items", 5), ("users", 3), ("events", 7)] {
        assert_eq!(summary[what], count, "{what} in {summary}");
    }
    rankine(home.path(), &["data", "describe"]).good();
    let rejects = std::fs::read_to_string(home.path().join("data/rejects.tsv")).unwrap();
    let listed: Vec<&str> = rejects.lines().skip(1).collect();
    assert!(listed.len() == 1 && listed[0].contains("tea-99"), "{rejects}");
}
