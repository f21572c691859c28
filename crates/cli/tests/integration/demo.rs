//! `rankine demo`: from nothing to models that beat the baselines; the second run finds all of it there.

use serde_json::{Value as Json, json};

use crate::home::{REPOSITORY, home, prepared, rankine};
use crate::process::Server;

/// Steps in their order.
const STEPS: [&str; 3] = ["import", "features and samples", "training"];

fn steps(summary: &Json, skipped: bool) {
    let steps = summary["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, STEPS);
    assert!(steps.iter().all(|step| step["skipped"] == skipped), "{summary}");
}

#[test]
fn from_nothing_it_imports_everything_and_trains_four_models() {
    let summary = &prepared().summary;
    steps(summary, false);
    assert_eq!(
        summary["steps"][0]["outcome"],
        "9066 films, 671 users, 100004 events, 0 rejected"
    );
    let models = summary["models"].as_array().unwrap();
    let names: Vec<&str> = models
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["embeddingmlp", "widedeep", "neuralcf", "item2vec"]);
    assert!(models.iter().all(|model| model["version"] == 1));
    for model in &models[..3] {
        assert!(model["auc"].as_f64() > model["baseline"][1].as_f64(), "{model}");
    }
    let trained = summary["steps"][2]["outcome"].as_str().unwrap();
    for model in models {
        let auc = model["auc"].as_f64().map(|auc| format!(" AUC {auc:.4}"));
        let expected = format!("{} 1{}", model["name"].as_str().unwrap(), auc.unwrap_or_default());
        assert!(trained.contains(&expected), "{expected} in {trained}");
    }
}

#[test]
fn a_second_run_finds_everything_there() {
    let home = home();
    let before = crate::home::files(home.path());
    let again = rankine(home.path(), &["demo", "--once", "--json"]).good().json();
    steps(&again, true);
    assert_eq!(again["models"], prepared().summary["models"]);
    assert_eq!(crate::home::files(home.path()), before);
    let text = rankine(home.path(), &["demo", "--once"]).good().stdout;
    for expected in ["671 users", "widedeep", "test auc", "best baseline", "there"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn embeddingmlp_and_widedeep_beat_every_trivial_baseline() {
    for model in ["embeddingmlp", "widedeep"] {
        let evaluation = rankine(&prepared().root, &["eval", model, "--json"])
            .good()
            .json();
        let lines = evaluation["lines"].as_array().unwrap();
        let auc = |line: &Json| line["measures"]["roc_auc"].as_f64().unwrap();
        let ours = auc(lines.iter().find(|line| line["name"] == model).unwrap());
        let baselines: Vec<&Json> = lines.iter().filter(|line| line["baseline"] == true).collect();
        assert!(baselines.len() >= 3, "{evaluation}");
        for baseline in baselines {
            assert!(ours > auc(baseline), "{model} {ours}: {baseline}");
            let name = &baseline["name"];
            let differences = evaluation["differences"].as_array().unwrap();
            let interval = &differences.iter().find(|d| d["baseline"] == *name).unwrap()["interval"];
            assert!(
                interval["low"].as_f64() > Some(0.0),
                "{model} against {name}: {interval}"
            );
        }
        assert_eq!(evaluation["bootstrap"]["level"], json!(0.95));
    }
}

#[test]
fn it_serves_what_it_made_and_ctrl_c_ends_it_well() {
    let home = home();
    let server = Server::run(
        home.path(),
        &["demo", "--site", "127.0.0.1:0", "--rest", "127.0.0.1:0"],
    );
    server.wait_for_models();
    assert!(server.said().contains("test auc"), "{}", server.said());
    let films = server.site().get("/getrecforyou?id=6").good();
    assert_eq!(
        (films[0]["model"].as_str(), films.as_array().unwrap().len()),
        (Some("widedeep"), 32)
    );
    let page = server.site().get("/user.html?id=6&model=widedeep");
    assert_eq!(page.status, 200);
    let link = format!("movieId={}", films[0]["movieId"]);
    assert!(page.text.contains(&link), "the page does not show {link}");
    let ended = server.interrupt();
    assert_eq!(ended.code(), Some(0));
}

/// The bundled ratings of the first `users` users in the form of MovieLens 1M.
fn movielens_1m(users: u32) -> tempfile::TempDir {
    let bundled = |name: &str| {
        let path = format!("{REPOSITORY}/data/movielens-small/{name}");
        std::fs::read_to_string(path).unwrap()
    };
    let ratings: Vec<String> = bundled("ratings.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>().join("::"))
        .filter(|line| line.split("::").next().unwrap().parse::<u32>().unwrap() <= users)
        .collect();
    let film = |line: &str| {
        let (id, rest) = line.split_once(',').unwrap();
        let (title, genres) = rest.rsplit_once(',').unwrap();
        format!("{id}::{}::{genres}", title.trim_matches('"')).replace(|c: char| !c.is_ascii(), "?")
    };
    let films: Vec<String> = bundled("movies.csv").lines().skip(1).map(film).collect();
    let people: Vec<String> = (1..=users).map(|id| format!("{id}::M::25::12::12345")).collect();
    let folder = tempfile::tempdir().unwrap();
    for (name, lines) in [
        ("ratings.dat", ratings),
        ("movies.dat", films),
        ("users.dat", people),
    ] {
        std::fs::write(folder.path().join(name), lines.join("\n") + "\n").unwrap();
    }
    folder
}

#[test]
fn it_takes_another_movielens_folder_and_trains_again() {
    let (home, data) = (home(), movielens_1m(40));
    let folder = data.path().to_str().unwrap();
    let arguments = ["demo", "--once", "--json", "--data", folder];
    let summary = rankine(home.path(), &arguments).good().json();
    steps(&summary, false);
    let outcome = summary["steps"][0]["outcome"].as_str().unwrap();
    assert!(
        outcome.contains(" 40 users") && outcome.contains(" 0 rejected"),
        "{outcome}"
    );
    let models = summary["models"].as_array().unwrap();
    assert!(models.iter().all(|model| model["version"] == 2), "{summary}");
    steps(&rankine(home.path(), &arguments).good().json(), true);
}

#[test]
fn too_few_ratings_are_explained() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(
        data.path().join("movies.csv"),
        "movieId,title,genres\n1,Heat (1995),Crime\n",
    )
    .unwrap();
    std::fs::write(
        data.path().join("ratings.csv"),
        "userId,movieId,rating,timestamp\n1,1,4.0,100\n",
    )
    .unwrap();
    let error = rankine(
        home.path(),
        &[
            "demo",
            "--once",
            "--json",
            "--data",
            data.path().to_str().unwrap(),
        ],
    )
    .bad(1);
    assert!(
        error.contains("too few ratings") && error.contains("1 training"),
        "{error}"
    );
}

#[test]
fn a_taken_port_is_told_before_any_work() {
    let (home, taken) = (
        tempfile::tempdir().unwrap(),
        std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let address = taken.local_addr().unwrap().to_string();
    for ports in [
        ["--site", &address, "--rest", "127.0.0.1:0"],
        ["--site", "127.0.0.1:0", "--rest", &address],
    ] {
        let error = rankine(home.path(), &[&["demo"][..], &ports].concat()).bad(1);
        assert!(error.contains(&address), "{error}");
        assert!(!home.path().join("data").exists(), "it imported first");
    }
}

#[test]
fn a_folder_that_is_no_data_set_is_explained() {
    let (home, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = empty.path().to_str().unwrap();
    let error = rankine(home.path(), &["demo", "--once", "--data", folder]).bad(1);
    assert!(error.contains(folder), "{error}");
    assert!(!home.path().join("data/import.json").exists());
}
