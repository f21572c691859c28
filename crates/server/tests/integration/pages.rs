//! What the pages show, against the bundled ratings as this file counts them itself.

use crate::home::{Server, home};

/// One line of the bundled ratings.
struct Rating {
    user: i64,
    film: i64,
    score: f64,
    time: i64,
}

fn ratings() -> Vec<Rating> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../data/movielens-small/ratings.csv"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let rating = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Rating {
            user: cells[0].parse().unwrap(),
            film: cells[1].parse().unwrap(),
            score: cells[2].parse().unwrap(),
            time: cells[3].trim().parse().unwrap(),
        }
    };
    text.lines().skip(1).map(rating).collect()
}

/// What follows an element's id, up to the end of the element.
fn part<'a>(page: &'a str, id: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("id=\"{id}\"")).unwrap();
    rest.split_once(end).unwrap().0
}

/// All pieces between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(after)?.0))
        .collect()
}

#[test]
fn the_histogram_counts_every_rating_of_the_film() {
    let home = home();
    let server = Server::on(home.path());
    let bins = |half_stars: &mut dyn FnMut(u32) -> usize| -> Vec<String> {
        (1..=10)
            .map(|n| (f64::from(n) / 2.0, half_stars(n)))
            .filter(|&(_, count)| count > 0)
            .map(|(middle, count)| format!("{} … {}: {count}", middle - 0.25, middle + 0.25))
            .collect()
    };
    let shown = || {
        let page = server.get("/movie.html?movieId=1").text;
        let tips = between(part(&page, "histogram", "</section>"), "<title>", "</title>");
        let tips = tips.into_iter().filter(|tip| tip.contains(" … "));
        tips.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = ratings();
    let of = |n: u32| {
        let score = f64::from(n) / 2.0;
        all.iter().filter(|r| r.film == 1 && r.score == score).count()
    };
    assert_eq!(shown(), bins(&mut |n| of(n)));
    server.rate(6, 1, 0.5);
    assert_eq!(
        shown(),
        bins(&mut |n| of(n) + usize::from(n == 1)),
        "with one more"
    );
}

#[test]
fn the_raters_are_those_who_gave_most_latest_first() {
    let home = home();
    let server = Server::on(home.path());
    let mut expected: Vec<Rating> = ratings().into_iter().filter(|r| r.film == 1).collect();
    expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.time.cmp(&a.time)));
    let expected: Vec<String> = expected.iter().take(10).map(|r| r.user.to_string()).collect();
    let page = server.get("/movie.html?movieId=1").text;
    let raters = part(&page, "raters", "</ol>");
    assert_eq!(between(raters, ">User ", "</a>"), expected);
    assert_eq!(raters.matches("</span> 5</b>").count(), 10, "{raters}");
    server.rate(6, 1, 5.0);
    let page = server.get("/movie.html?movieId=1").text;
    assert_eq!(between(part(&page, "raters", "</ol>"), ">User ", "</a>")[0], "6");
}

/// Genres and sentence were counted from the two files by another program.
#[test]
fn the_taste_is_that_of_the_users_ratings() {
    let home = home();
    let server = Server::on(home.path());
    let own: Vec<f64> = ratings()
        .iter()
        .filter(|r| r.user == 6)
        .map(|r| r.score)
        .collect();
    let page = server.get("/user.html?id=6&model=popularity").text;
    let taste = part(&page, "taste", "</aside>");
    let mean = format!("{:.2}", own.iter().sum::<f64>() / own.len() as f64);
    let numbers = [
        own.len().to_string(),
        mean,
        "0.5 to 5".to_owned(),
        "-0.40".to_owned(),
    ];
    assert_eq!(between(taste, "<dd>", "</dd>"), numbers);
    for text in [
        "Likes Drama, Adventure and Action",
        "rates 0.4 stars below others.",
    ] {
        assert!(taste.contains(text), "{text} in {taste}");
    }
    let notes = between(taste, "<span class=\"note\">", "</span>");
    assert_eq!(
        notes[..3],
        [
            "12 of 20 liked, ★ 3.5",
            "10 of 15 liked, ★ 3.7",
            "6 of 15 liked, ★ 3.3"
        ],
        "Drama's 3.55 is shown as the nearest double rounds"
    );
    server.rate(6, 1, 5.0);
    let page = server.get("/user.html?id=6&model=popularity").text;
    assert_eq!(
        between(part(&page, "taste", "</aside>"), "<dd>", "</dd>")[0],
        "45"
    );
}

#[test]
fn the_status_page_shows_what_is_known_of_data_models_and_requests() {
    let home = home();
    let server = Server::on(home.path());
    (0..3).for_each(|_| drop(server.get("/getmovie?id=1")));
    server.get("/getmovie?id=x");
    server.rate(6, 1, 4.0);
    let page = server.get("/status.html").text;
    let tiles = part(&page, "tiles", "</dl>");
    let tile = |name: &str, value: &str, note: &str| {
        format!("<dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd>")
    };
    for tile in [
        tile("Films", "9,066", "671 users"),
        tile("Events", "100,005", "1 since the import"),
        tile("At work", "1 of 64", "permits taken"),
        tile("Ranker", "local", "feature rows: embedded"),
    ] {
        assert!(tiles.contains(&tile), "{tile} in {tiles}");
    }
    let models = part(&page, "models", "</table>");
    let row = "<th scope=\"row\">neuralcf</th><td>nerualcf, recmodel</td><td class=\"n\">1</td><td class=\"n\">1</td>";
    assert!(models.contains(row), "{models}");
    let (_, row) = page.split_once("<th scope=\"row\">/getmovie</th>").unwrap();
    let cells = between(row.split_once("</tr>").unwrap().0, "<td class=\"n\">", "</td>");
    assert_eq!((cells[0], cells[2]), ("4", "1 / 0"));
}

#[test]
fn a_score_is_explained_with_a_part_for_every_slot_the_model_reads() {
    let home = home();
    let server = Server::on(home.path());
    let answer = server.get("/explain.html?id=6&movieId=260&model=widedeep");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let verdict = part(&answer.text, "verdict", "</p>");
    assert!(
        verdict.contains("widedeep version 1 gave user 6")
            && verdict.contains("of the features are the same"),
        "{verdict}"
    );
    let told = server.recommend(6, "widedeep", 500);
    let served = told.iter().find(|film| film["movieId"] == 260);
    if let Some(score) = served.and_then(|film| film["score"].as_f64()) {
        assert!(verdict.contains(&format!("{score:.6}")), "{score} in {verdict}");
    }
    let table = part(&answer.text, "features", "</table>");
    let parts = between(table, "<span class=\"part ", "</span>");
    let number = |part: &&str| part.rsplit('>').next().unwrap().parse::<f64>().ok();
    let numbers: Vec<f64> = parts.iter().filter_map(number).collect();
    assert!(
        numbers.len() > 5 && numbers.iter().any(|part| *part != 0.0),
        "{parts:?}"
    );
    assert!(!table.contains("differs"), "{table}");
}

#[test]
fn what_cannot_be_explained_is_said_with_its_status() {
    let home = home();
    let server = Server::on(home.path());
    let asked = |query: &str| {
        let answer = server.get(&format!("/explain.html?{query}"));
        (answer.status, answer.text)
    };
    let bare = asked("");
    assert!(bare.0 == 200 && bare.1.contains("Choose a user"), "{}", bare.1);
    let (status, text) = asked("id=987654&movieId=260&model=widedeep");
    assert!(
        status == 404 && text.contains("There is no user 987654 here"),
        "{status} {text}"
    );
    let (status, text) = asked("id=6&movieId=987654&model=widedeep");
    assert!(
        status == 404 && text.contains("There is no film 987654 here"),
        "{status} {text}"
    );
    for name in ["emb", "popularity", "item2vec", "nothing"] {
        let (status, text) = asked(&format!("id=6&movieId=260&model={name}"));
        assert!(
            status == 400 && text.contains("one of widedeep, neuralcf; it is"),
            "{name}: {status} {text}"
        );
    }
    for query in ["id=x&movieId=260", "id=6&movieId=x"] {
        assert_eq!(asked(query).0, 400, "{query}");
    }
}
