//! The five SparrowRecSys paths and the search: names, order, counts.

use crate::home::{Server, home};
use serde_json::Value as Json;

fn keys(value: &Json) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn an_answer_has_one_content_type() {
    let home = home();
    let server = Server::on(home.path());
    for path in ["/getmovie?id=1", "/getmovie?id=x", "/getrecforyou?id=6&size=3"] {
        let answer = server.get(path);
        let kinds: Vec<_> = answer.headers.get_all("content-type").iter().collect();
        assert_eq!(kinds, ["application/json"], "{path}");
    }
}

#[test]
fn films_and_users_have_the_known_names() {
    let home = home();
    let server = Server::on(home.path());

    let film = server.get("/getmovie?id=1").json();
    let names = [
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
    assert_eq!(keys(&film), names);
    assert_eq!(
        (&film["title"], &film["releaseYear"], &film["ratingNumber"]),
        (&"Toy Story".into(), &1995.into(), &247.into())
    );
    let top = film["topRatings"].as_array().unwrap();
    assert_eq!(
        (top.len(), keys(&top[0]["rating"])),
        (10, vec!["movieId", "score", "timestamp", "userId"])
    );
    assert_eq!(top[0]["rating"]["score"], 5.0);

    let user = server.get("/getuser?id=6").json();
    assert_eq!(
        keys(&user),
        [
            "averageRating",
            "highestRating",
            "lowestRating",
            "ratingCount",
            "ratings",
            "userId"
        ]
    );
    assert_eq!(user["ratingCount"], user["ratings"].as_array().unwrap().len());
    let ratings: Vec<f64> = user["ratings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["rating"]["score"].as_f64().unwrap())
        .collect();
    let mean = ratings.iter().sum::<f64>() / ratings.len() as f64;
    assert!((user["averageRating"].as_f64().unwrap() - mean).abs() < 1e-9);
}

#[test]
fn similar_films_and_search_have_the_known_names() {
    let home = home();
    let server = Server::on(home.path());

    let similar = server.get("/getsimilarmovie?movieId=1&size=5&model=emb").json();
    assert_eq!(similar.as_array().unwrap().len(), 5);
    assert_eq!(
        (&similar[0]["model"], &similar[0]["modelVersion"]),
        (&"emb".into(), &1.into())
    );
    let by_genre = server.get("/getsimilarmovie?movieId=1&size=5&model=genre").json();
    assert!(
        by_genre[0]["genres"]
            .as_array()
            .unwrap()
            .contains(&"Animation".into())
    );

    let found = server.get("/search?q=star%20war&size=3").json();
    assert!(found["total"].as_u64().unwrap() >= 6);
    assert_eq!(found["films"].as_array().unwrap().len(), 3);
    assert!(found["films"][0]["title"].as_str().unwrap().contains("Star Wars"));
}

/// Film 83829 has no genres and, in the fixture, no vector; 163949 has genres only.
#[test]
fn a_film_that_shares_nothing_is_answered_by_the_next_measure_and_says_so() {
    let home = home();
    let server = Server::on(home.path());
    let model = |query: &str| {
        let answer = server.get(&format!("/getsimilarmovie?size=5&{query}"));
        let films = answer.json();
        assert_eq!(
            (answer.status, films.as_array().unwrap().len()),
            (200, 5),
            "{query}"
        );
        let own = query.split(['=', '&']).nth(1).unwrap();
        assert!(
            films
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["movieId"].to_string())
                .all(|id| id != own)
        );
        (
            films[0]["model"].as_str().unwrap().to_owned(),
            films[0]["recall"][0].clone(),
        )
    };
    for query in [
        "movieId=83829&model=emb",
        "movieId=83829&model=genre",
        "movieId=83829",
    ] {
        let (model, recall) = model(query);
        assert_eq!(model, "popularity", "{query}");
        assert_eq!(
            (&recall["source"], &recall["movieId"]),
            (&"popularity".into(), &Json::Null)
        );
        assert_eq!(recall["reason"], "rated well by many");
    }
    for query in ["movieId=163949&model=emb", "movieId=163949"] {
        assert_eq!(model(query).0, "genre", "{query}");
    }
    let page = server.get("/movie.html?movieId=83829").text;
    assert!(page.contains("Rated well by many"), "{page}");
}

#[test]
fn a_genre_is_listed_by_rating_or_year() {
    let home = home();
    let server = Server::on(home.path());
    let list = |sort: &str| {
        server
            .get(&format!("/getrecommendation?genre=Comedy&size=50&sortby={sort}"))
            .json()
    };
    let years = list("releaseYear");
    let years: Vec<i64> = years
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["releaseYear"].as_i64().unwrap())
        .collect();
    assert_eq!(years.len(), 50);
    assert!(years.windows(2).all(|w| w[0] >= w[1]), "{years:?}");
    let rated = list("rating");
    for film in rated.as_array().unwrap() {
        assert!(film["genres"].as_array().unwrap().contains(&"Comedy".into()));
        assert!(film["ratingNumber"].as_u64().unwrap() > 3, "smoothed: {film}");
    }
}

#[test]
fn a_recommendation_is_ordered_and_says_score_recall_and_version() {
    let home = home();
    let server = Server::on(home.path());
    for model in ["widedeep", "neuralcf", "nerualcf", "emb", "popularity"] {
        let answer = server.get(&format!("/getrecforyou?id=6&size=32&model={model}"));
        let films = answer.json();
        let films = films.as_array().unwrap();
        assert_eq!(films.len(), 32, "{model}");
        let scores: Vec<f64> = films.iter().map(|f| f["score"].as_f64().unwrap()).collect();
        assert!(scores.windows(2).all(|w| w[0] >= w[1]), "{model}: {scores:?}");
        assert!(
            films.iter().all(|f| !f["recall"].as_array().unwrap().is_empty()),
            "{model}"
        );
        let name = if model == "nerualcf" { "neuralcf" } else { model };
        let version = if model == "popularity" { 0 } else { 1 };
        assert!(
            films
                .iter()
                .all(|f| f["model"] == name && f["modelVersion"] == version),
            "{model}"
        );
        assert_eq!(answer.headers["x-rankine-candidates"], "800", "{model}");
    }
    let seen: Vec<Json> = server.get("/getuser?id=6").json()["ratings"]
        .as_array()
        .unwrap()
        .clone();
    let films = server.recommend(6, "widedeep", 500);
    let rated = |film: &Json| seen.iter().any(|r| r["rating"]["movieId"] == film["movieId"]);
    assert!(
        !films.iter().any(rated),
        "a film the user has rated is recommended"
    );
}

#[test]
fn every_recall_explains_itself() {
    let home = home();
    let server = Server::on(home.path());
    let films = server.recommend(6, "popularity", 500);
    let recalls: Vec<&Json> = films
        .iter()
        .flat_map(|f| f["recall"].as_array().unwrap())
        .collect();
    for source in ["popularity", "genre", "newest", "item2vec"] {
        let one = recalls.iter().find(|r| r["source"] == source);
        let reason = one.unwrap_or_else(|| panic!("nothing by {source}"))["reason"]
            .as_str()
            .unwrap();
        assert!(!reason.is_empty());
    }
    let like = recalls.iter().find(|r| r["source"] == "item2vec").unwrap();
    let history = server.get("/getuser?id=6").json();
    let of = |r: &&Json| r["rating"]["movieId"] == like["movieId"];
    let rating = history["ratings"]
        .as_array()
        .unwrap()
        .iter()
        .find(of)
        .expect("a film of the history");
    assert!(rating["rating"]["score"].as_f64().unwrap() >= 3.5);
}

#[test]
fn every_list_says_score_and_recall_source() {
    let home = home();
    let server = Server::on(home.path());
    let lists = [
        (
            "/getsimilarmovie?movieId=1&size=5&model=emb",
            "item2vec",
            "like Toy Story (1995)",
        ),
        (
            "/getsimilarmovie?movieId=1&size=5&model=genre",
            "genre",
            "like Toy Story (1995)",
        ),
        (
            "/getrecommendation?genre=Drama&size=5",
            "genre",
            "among the best of Drama",
        ),
        (
            "/getrecommendation?genre=Drama&size=5&sortby=releaseYear",
            "newest",
            "among the newest of Drama",
        ),
    ];
    for (path, source, reason) in lists {
        let films = server.get(path).json();
        let films = films.as_array().unwrap();
        assert_eq!(films.len(), 5, "{path}");
        let scores: Vec<f64> = films.iter().map(|film| film["score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{path}: {scores:?}");
        for film in films {
            let recall = &film["recall"][0];
            assert_eq!(
                (&recall["source"], &recall["reason"]),
                (&source.into(), &reason.into()),
                "{path}"
            );
        }
    }
    let newest = server
        .get("/getrecommendation?genre=Drama&size=1&sortby=releaseYear")
        .json();
    assert_eq!(newest[0]["score"].as_f64(), newest[0]["releaseYear"].as_f64());
    let alike = server.get("/getsimilarmovie?movieId=1&size=1").json();
    assert_eq!(alike[0]["recall"][0]["movieId"], 1);
}
