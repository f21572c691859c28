//! The JSON API: SparrowRecSys's five paths with its parameters and field names; faults are 4xx JSON that say where.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::home::{home, prepared};
use crate::process::Server;

const FILM: [&str; 9] = [
    "averageRating",
    "genres",
    "imdbId",
    "movieId",
    "ratingNumber",
    "releaseYear",
    "title",
    "tmdbId",
    "topRatings",
];
const RANKED: [&str; 4] = ["model", "modelVersion", "recall", "score"];

fn keys(value: &Json) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("{value}"))
        .keys()
        .map(String::as_str)
        .collect()
}

fn server() -> (tempfile::TempDir, Server) {
    let home = home();
    let server = Server::on(home.path());
    (home, server)
}

#[test]
fn the_five_paths_have_sparrowrecsys_names() {
    let (_home, server) = server();
    let site = server.site();
    let film = site.get("/getmovie?id=318").good();
    assert_eq!(keys(&film), BTreeSet::from(FILM));
    assert_eq!(
        (&film["title"], &film["releaseYear"]),
        (&json!("Shawshank Redemption, The"), &json!(1994))
    );
    assert_eq!(
        (&film["ratingNumber"], &film["genres"]),
        (&json!(311), &json!(["Crime", "Drama"]))
    );
    assert_eq!(
        keys(&film["topRatings"][0]["rating"]),
        BTreeSet::from(["movieId", "score", "timestamp", "userId"])
    );
    let user = site.get("/getuser?id=6").good();
    let names = [
        "averageRating",
        "highestRating",
        "lowestRating",
        "ratingCount",
        "ratings",
        "userId",
    ];
    assert_eq!(keys(&user), BTreeSet::from(names));
    assert_eq!(user["ratings"].as_array().unwrap().len(), 44);
    let similar = site.get("/getsimilarmovie?movieId=318&size=16&model=emb").good();
    assert!(keys(&similar[0]).is_superset(&BTreeSet::from(FILM)));
    assert_eq!(similar.as_array().unwrap().len(), 16);
    let genre = site
        .get("/getrecommendation?genre=Action&size=8&sortby=rating")
        .good();
    let films = genre.as_array().unwrap();
    assert!(
        films.len() == 8
            && films
                .iter()
                .all(|f| f["genres"].as_array().unwrap().contains(&json!("Action")))
    );
    let newest = site
        .get("/getrecommendation?genre=Action&size=8&sortby=releaseYear")
        .good();
    let years: Vec<i64> = newest
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["releaseYear"].as_i64().unwrap())
        .collect();
    assert!(years.is_sorted_by(|a, b| a >= b), "{years:?}");
}

#[test]
fn recommendations_are_ranked_named_and_new_to_the_user() {
    let (_home, server) = server();
    let rated = server.site().get("/getuser?id=6").good();
    let rated: BTreeSet<i64> = rated["ratings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["rating"]["movieId"].as_i64().unwrap())
        .collect();
    for model in [
        "embeddingmlp",
        "widedeep",
        "neuralcf",
        "nerualcf",
        "emb",
        "popularity",
    ] {
        let films = server.site().recommend(6, model, 32);
        assert_eq!(films.len(), 32, "{model}");
        let expected: BTreeSet<&str> = FILM.into_iter().chain(RANKED).collect();
        assert_eq!(keys(&films[0]), expected, "{model}");
        let scores: Vec<f64> = films.iter().map(|film| film["score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{model}: {scores:?}");
        let ids: BTreeSet<i64> = films
            .iter()
            .map(|film| film["movieId"].as_i64().unwrap())
            .collect();
        assert!(ids.len() == 32 && ids.is_disjoint(&rated), "{model}");
        let named = if model == "nerualcf" { "neuralcf" } else { model };
        assert!(
            films
                .iter()
                .all(|film| film["model"] == named && film["recall"][0]["source"].is_string())
        );
    }
}

#[test]
fn a_wrong_parameter_is_400_that_names_it() {
    let (_home, server) = server();
    let cases = [
        ("/getmovie", "id", "nothing"),
        ("/getmovie?id=abc", "id", "abc"),
        ("/getuser?id=-1", "id", "-1"),
        ("/getuser?id=6.5", "id", "6.5"),
        ("/getsimilarmovie?movieId=&size=3", "movieId", ""),
        ("/getsimilarmovie?movieId=1&model=nope", "model", "nope"),
        ("/getrecommendation?size=3", "genre", "nothing"),
        ("/getrecommendation?genre=Nonsense", "genre", "Nonsense"),
        ("/getrecommendation?genre=Action&sortby=mood", "sortby", "mood"),
        ("/getrecommendation?genre=Action&size=0", "size", "0"),
        ("/getrecforyou?id=6&size=501", "size", "501"),
        ("/getrecforyou?id=6&model=widedep", "model", "widedep"),
        ("/search", "q", "nothing"),
    ];
    for (path, parameter, got) in cases {
        let answer = server.site().get(path);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["parameter"], &error["got"]),
            (400, &json!(parameter), &json!(got)),
            "{path}"
        );
        assert!(!error["expected"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[test]
fn what_is_not_there_is_404_and_a_wrong_method_405() {
    let (_home, server) = server();
    for path in [
        "/getmovie?id=999999",
        "/getuser?id=999999",
        "/getsimilarmovie?movieId=999999",
        "/getrecforyou?id=999999",
    ] {
        let answer = server.site().get(path);
        assert_eq!(
            (answer.status, answer.json()["error"]["type"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
    let answer = server.site().get("/events");
    assert_eq!(
        (answer.status, answer.json()["error"]["type"].as_str()),
        (405, Some("method_not_allowed"))
    );
}

#[test]
fn titles_with_commas_and_quotes_come_out_as_they_are_in_the_file() {
    let (_home, server) = server();
    let file = std::fs::read_to_string(format!(
        "{}/data/movielens-small/movies.csv",
        crate::home::REPOSITORY
    ))
    .unwrap();
    let quoted: Vec<&str> = file.lines().filter(|line| line.contains(",\"")).collect();
    assert_eq!(quoted.len(), 2_116, "2,114 titles with commas, two with quotes");
    for line in quoted.iter().step_by(40) {
        let (id, rest) = line.split_once(",\"").unwrap();
        let title = rest.rsplit_once("\",").unwrap().0.replace("\"\"", "\"");
        let film = server.site().get(&format!("/getmovie?id={id}")).good();
        let shown = match film["releaseYear"].as_i64() {
            Some(year) => format!("{} ({year})", film["title"].as_str().unwrap()),
            None => film["title"].as_str().unwrap().to_owned(),
        };
        assert_eq!(shown.trim(), title.trim());
    }
    assert!(prepared().root.exists());
}
