//! What a change stream brings is recommended by the site: as an exact search would, by one version at a time, to those who like
//! such things, in the places kept for it; inserted, edited and deleted through the site's own form.

use std::collections::BTreeMap;

use rankine_feature::Value;
use rankine_model::{Artefact, versions};
use rankine_predict::{Row, Wanted, embed_side};
use rankine_store::testing::{Durability, PostgresServer};
use rankine_store::vectors::{Generation, Metric, PgVectors, Shape, VectorRow, VectorStore as _};

use crate::fresh::{Fresh, Wish, wait};

/// A user who likes dramas, and nothing else is known of.
const USER: i64 = 900_001;

/// Thirty films of six genres.
fn films() -> Vec<(i64, String, Vec<&'static str>)> {
    let genres = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"];
    let film = |n: usize| {
        let (first, second) = (genres[n % 6], genres[(n / 6 + 3) % 6]);
        (
            900_000 + i64::try_from(n).unwrap(),
            format!("New {n} (2026)"),
            vec![first, second],
        )
    };
    (0..30).map(film).collect()
}

fn insert_films(fresh: &Fresh) {
    let films = films();
    let lines: Vec<(i64, &str, &[&str])> = films
        .iter()
        .map(|(id, t, g)| (*id, t.as_str(), g.as_slice()))
        .collect();
    fresh.insert(&lines);
}

/// Rates old dramas of the data, so that the user's favourite genre is known.
fn likes_dramas(fresh: &Fresh) {
    for film in [26, 31, 40] {
        fresh.rate(USER, film, 5.0);
    }
}

/// The user's vector by a version, made offline.
fn user_vector(fresh: &Fresh, version: u64) -> Vec<f32> {
    let all = versions(&fresh.home().join("models/arrive"));
    let (_, path) = all.into_iter().find(|(v, _)| *v == version).unwrap();
    let artefact = Artefact::open(&path).unwrap();
    let row = Row::of([("userGenre1", Value::Str("Drama".into()))]);
    let wanted = Wanted {
        users: true,
        raw: false,
    };
    embed_side(&artefact, artefact.plan().unwrap(), wanted, [(USER, row)])
        .unwrap()
        .floats
}

/// All thirty by inner product, best first, ties by id.
fn exact(fresh: &Fresh, user: &[f32], version: u64) -> Vec<(i64, f64)> {
    let one = |id: i64| {
        let (status, answer) = fresh.get(&fresh.stream_url, &format!("/vector/{id}"));
        assert_eq!(
            (status, answer["version"].as_u64()),
            (200, Some(version)),
            "film {id}"
        );
        let vector = answer["vector"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap());
        (id, vector.zip(user).map(|(x, y)| x * f64::from(*y)).sum::<f64>())
    };
    let mut all: Vec<(i64, f64)> = films().iter().map(|(id, _, _)| one(*id)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

/// The site's list is the exact one, score by score.
fn agrees(fresh: &Fresh, version: u64) {
    let listed = fresh.arrivals(USER, 30);
    let exact: BTreeMap<i64, f64> = exact(fresh, &user_vector(fresh, version), version)
        .into_iter()
        .collect();
    assert_eq!(listed.len(), exact.len());
    for (id, score, by) in &listed {
        assert!(
            (score - exact[id]).abs() < 1e-4 && *by == version,
            "film {id}: {score}, {exact:?}"
        );
    }
    assert!(listed.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{listed:?}");
}

/// Places kept for what is new, in a list whose ranker knows nothing of it; what came of it is counted.
fn explored(fresh: &Fresh) {
    let (_, list) = fresh.get(
        &fresh.site,
        &format!("/getrecforyou?id={USER}&size=20&model=popularity"),
    );
    let list = list.as_array().unwrap();
    let new: Vec<usize> = (0..list.len())
        .filter(|at| list[*at]["explored"] == true)
        .collect();
    assert_eq!(new, [9, 19], "a tenth of twenty places, spread");
    let recalls = list[9]["recall"].as_array().unwrap();
    assert!(
        recalls.iter().any(|recall| recall["source"] == "arrivals"),
        "{recalls:?}"
    );
    let nearest = fresh.arrivals(USER, 2);
    assert_eq!(
        (list[9]["movieId"].as_i64(), list[19]["movieId"].as_i64()),
        (Some(nearest[0].0), Some(nearest[1].0))
    );
    let metric = |what: &str| {
        metric(
            fresh,
            &format!("rankine_exposure{{items=\"new\",what=\"{what}\"}}"),
        )
    };
    assert_eq!(["places", "explored", "pairs", "acted"].map(metric), [2, 2, 2, 0]);
    fresh.rate(USER, nearest[0].0, 4.0);
    assert_eq!(metric("acted"), 1);
    assert!(
        fresh
            .arrivals(USER, 30)
            .iter()
            .all(|(id, _, _)| *id != nearest[0].0),
        "it was seen"
    );
    let (_, film) = fresh.get(&fresh.site, &format!("/getmovie?id={}", nearest[0].0));
    assert_eq!(
        (film["ratingNumber"].as_u64(), film["releaseYear"].as_i64()),
        (Some(1), Some(2026))
    );
}

/// While one version takes over from another every list is of one of them, and in the end of the new one.
fn versions_never_mix(fresh: &Fresh) {
    let first = user_vector(fresh, 1);
    let scores: BTreeMap<i64, f64> = exact(fresh, &first, 1).into_iter().collect();
    fresh.train_again(2);
    wait("the second version", || {
        let listed = fresh.arrivals(USER, 30);
        let by: Vec<u64> = listed.iter().map(|(_, _, version)| *version).collect();
        assert!(by.windows(2).all(|pair| pair[0] == pair[1]), "{by:?}");
        let old = by.first() == Some(&1);
        assert!(
            !old || listed
                .iter()
                .all(|(id, score, _)| (score - scores[id]).abs() < 1e-4),
            "{listed:?}"
        );
        by.first() == Some(&2)
    });
    agrees(fresh, 2);
}

/// What came through the stream is found by its title, stands on shelves and has a page; a film that only the stream's feature table
/// has is found and has a page, too, and can be rated.
fn shown(fresh: &Fresh) {
    let get = |path: &str| fresh.get(&fresh.site, path);
    let ids = |path: &str| -> Vec<i64> {
        let (_, answer) = get(path);
        let films = answer["films"].as_array().or(answer.as_array());
        let films = films.unwrap_or_else(|| panic!("{path}: {answer}"));
        films
            .iter()
            .map(|film| film["movieId"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids("/search?q=new%2029"), [900_029]);
    let newest = ids("/getrecommendation?genre=Horror&sortby=releaseYear&size=3");
    assert!(newest.iter().all(|id| *id >= 900_000), "{newest:?}");
    for (path, part) in [
        ("/index.html", "New films"),
        ("/index.html", "movieId=900029"),
        ("/search.html?q=new+29", "movieId=900029"),
        ("/collection.html?value=War&sort=releaseYear", "movieId=900029"),
    ] {
        let (status, page) = fresh.text(&fresh.site, path);
        assert!(status == 200 && page.contains(part), "{path}: no {part}");
    }
    wait("titles that only the stream has", || {
        ids("/search?q=old").contains(&800_001)
    });
    let (_, page) = fresh.text(&fresh.site, "/search.html?q=old+");
    assert!(page.contains("movieId=800001"), "{page}");
    let shelf = ids("/getrecommendation?genre=War&sortby=releaseYear&size=500");
    assert!(!shelf.contains(&800_001), "films of 1990 are not new");
    let (status, film) = get("/getmovie?id=800001");
    let told = (film["title"].as_str(), film["releaseYear"].as_i64());
    assert_eq!((status, told), (200, (Some("Old"), Some(1990))));
    fresh.rate(USER, 800_001, 3.0);
    assert_eq!(get("/getmovie?id=800001").1["ratingNumber"], 1);
    assert_eq!(fresh.text(&fresh.site, "/movie.html?movieId=800002").0, 200);
    assert_eq!(get("/getmovie?id=800003").0, 404, "nobody has it");
}

/// However long answers may be kept, a user's lists ask the stream again once it has moved or the user has done something, and not before.
fn asked_once(fresh: &Fresh) {
    let list = || {
        fresh.get(
            &fresh.site,
            &format!("/getrecforyou?id={USER}&size=20&model=popularity"),
        )
    };
    let by = |what: &str| metric(fresh, &format!("rankine_arrival_searches{{by=\"{what}\"}}"));
    let grows = |what: &str| {
        let before = by(what);
        list();
        by(what) > before
    };
    wait("a list answered by what is kept", || grows("kept"));
    let before = by("asked");
    assert!(grows("kept") && by("asked") == before, "nothing has happened");
    fresh.rate(USER, 50, 4.0);
    assert!(grows("asked"), "the user has done something");
    wait("a list answered by what is kept", || grows("kept"));
    fresh.insert(&[(900_100, "New drama (2026)", &["Drama"])]);
    wait("a list that asks again", || grows("asked"));
}

/// A number that the server tells of itself.
fn metric(fresh: &Fresh, name: &str) -> u64 {
    let (_, text) = fresh.text(&fresh.rest, "/metrics");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[test]
fn new_films_are_found_as_an_exact_search_finds_them_and_versions_never_mix() {
    let fresh = Fresh::start(&Wish {
        arrivals: Some("model = \"arrive\"\nkeep_ms = 600000\n".to_owned()),
        ..Wish::default()
    });
    likes_dramas(&fresh);
    assert!(fresh.arrivals(USER, 30).is_empty(), "films of 1990 are not new");
    insert_films(&fresh);
    wait("thirty films", || fresh.arrivals(USER, 100).len() == 30);
    agrees(&fresh, 1);
    versions_never_mix(&fresh);
    explored(&fresh);
    shown(&fresh);
    asked_once(&fresh);
}

/// The page names every stage, and a title is text.
fn stages_are_told(text: &str) {
    for stage in [
        "written into the source",
        "read from the source",
        "joined",
        "embedded",
        "searchable",
    ] {
        assert!(text.contains(stage), "{stage} in {text}");
    }
    assert!(
        text.contains("&#60;b&#62;drama") && !text.contains("<b>drama"),
        "{text}"
    );
}

#[test]
fn a_film_is_inserted_edited_and_deleted_through_the_form() {
    let fresh = Fresh::start(&Wish::default());
    likes_dramas(&fresh);
    let send = |form: &str| fresh.send_form("/insert", &fresh.site, form);
    let form = format!("deed=insert&user={USER}&title=A+%3Cb%3Edrama%3C%2Fb%3E+%282026%29&genres=Drama");
    assert_eq!(
        fresh.send_form("/insert", "http://elsewhere.example", &form).0,
        403
    );
    assert_eq!(send(&form.replace("genres=Drama", "genres=")).0, 400);
    assert_eq!(send("deed=insert&user=77777777&title=x&genres=Drama").0, 404);
    assert_eq!(send(&form), (303, format!("/insert.html?user={USER}")));
    wait("the film", || fresh.arrivals(USER, 10).len() == 1);
    let id = fresh.arrivals(USER, 10)[0].0;
    let page = |path: &str| fresh.text(&fresh.site, path);
    wait("every stage", || {
        page("/insert.html").1.contains("number 1 among the new for user")
    });
    stages_are_told(&page("/insert.html").1);
    assert!(
        page(&format!("/user.html?id={USER}"))
            .1
            .contains("New arrivals for you")
    );
    assert!(page("/stream.html").1.contains(&format!("data-item=\"{id}\"")));
    assert_eq!(
        send(&format!(
            "deed=edit&user={USER}&id={id}&title=A+comedy&genres=Comedy"
        ))
        .0,
        303
    );
    wait("the edit", || {
        page("/insert.html").1.contains("A comedy: edited")
            && page("/insert.html").1.contains("among the new")
    });
    let (_, film) = fresh.get(&fresh.site, &format!("/getmovie?id={id}"));
    assert_eq!(
        (film["title"].as_str(), film["genres"][0].as_str()),
        (Some("A comedy"), Some("Comedy"))
    );
    assert_eq!(
        send(&format!("deed=delete&user={USER}&id=1")).0,
        404,
        "a film of the import"
    );
    assert_eq!(send(&format!("deed=delete&user={USER}&id={id}")).0, 303);
    wait("its end", || {
        page("/insert.html").1.contains("gone from the list")
    });
    assert!(fresh.arrivals(USER, 10).is_empty());
    wait("nobody to know it", || {
        page(&format!("/movie.html?movieId={id}")).0 == 404
    });
}

/// Vectors of users stored beside the films', by the same version.
fn store_user(vectors: &PgVectors, vector: &[f32]) {
    let users = Generation::new("films_users", 1);
    let shape = Shape {
        width: vector.len(),
        metric: Metric::InnerProduct,
    };
    vectors.prepare(&users, shape).unwrap();
    let row = VectorRow {
        id: USER,
        vector: vector.to_vec(),
        ..VectorRow::default()
    };
    vectors.upsert(&users, &[row]).unwrap();
    vectors.switch(&[users]).unwrap();
}

#[test]
fn pgvector_is_searched_by_stored_user_vectors_and_by_category() {
    let mut server = PostgresServer::start(Durability::Process).unwrap();
    let url = server.url("rankine");
    // neither stream nor site waits for the database to begin
    server.kill().unwrap();
    let fresh = Fresh::start(&Wish {
        vectors: format!("stores = [\"pgvector\"]\ndsn = \"{url}\"\nset = \"films\"\n"),
        arrivals: Some(format!(
            "dsn = \"{url}\"\nset = \"films\"\ncategories = [\"Drama\", \"War\"]\napproximate = true\n"
        )),
    });
    likes_dramas(&fresh);
    insert_films(&fresh);
    assert!(fresh.arrivals(USER, 10).is_empty());
    wait("the stream to say what it waits for", || {
        let (_, figures) = fresh.get(&fresh.stream_url, "/stream");
        figures["held_by"]
            .as_str()
            .is_some_and(|told| told.contains("postgres at"))
    });
    server.restart().unwrap();
    wait("the films, and two old ones", || {
        fresh.get(&fresh.stream_url, "/stream").1["live"] == films().len() + 2
    });
    let (vectors, user) = (PgVectors::connect(&url).unwrap(), user_vector(&fresh, 1));
    store_user(&vectors, &user);
    vectors.accelerate(&Generation::new("films", 1)).unwrap();
    let narrow = films()
        .into_iter()
        .filter(|(_, _, genres)| genres.contains(&"Drama") || genres.contains(&"War"));
    let narrow: Vec<i64> = narrow.map(|(id, _, _)| id).collect();
    wait("films of two genres", || {
        fresh.arrivals(USER, 100).len() == narrow.len()
    });
    let expected = exact(&fresh, &user, 1)
        .into_iter()
        .filter(|(id, _)| narrow.contains(id));
    for (listed, exact) in fresh.arrivals(USER, 100).iter().zip(expected) {
        assert!((listed.1 - exact.1).abs() < 1e-4, "{listed:?} {exact:?}");
    }
    assert!(fresh.arrivals(6, 10).is_empty(), "user 6 has no vector there");
}
