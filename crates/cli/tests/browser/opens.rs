//! Every page opens, says what it is, and the console stays silent.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

/// Pages with words that have to be seen on them.
const PAGES: [(&str, &str); 16] = [
    ("/", "For user 6"),
    ("/index.html", "Film-Noir"),
    ("/collection.html?type=genre&value=Sci-Fi", "Page 1 of"),
    (
        "/collection.html?type=genre&value=Sci-Fi&sort=releaseYear&page=2",
        "Page 2 of",
    ),
    ("/movie.html?movieId=318", "The Shawshank Redemption"),
    ("/movie.html?movieId=260", "Liked by the same people"),
    ("/user.html?id=6", "Guess you like"),
    ("/user.html?id=6&model=nerualcf", "Ranked by neuralcf, version 1"),
    (
        "/user.html?id=6&model=embeddingmlp",
        "Ranked by embeddingmlp, version 1",
    ),
    ("/user.html?id=6&model=widedeep&page=2", "Newer"),
    ("/user.html?id=15&model=emb", "Ranked by emb"),
    ("/user.html?id=671&model=popularity", "Ranked by popularity"),
    ("/search.html", "Which film?"),
    ("/status.html", "embeddingmlp"),
    ("/explain.html", "Where does a score come from?"),
    (
        "/explain.html?id=6&movieId=260&model=widedeep",
        "bytes of the features are the same",
    ),
];

pub(crate) async fn every_page_without_complaints(_: &Site, tab: &Tab) -> anyhow::Result<()> {
    for (path, words) in PAGES {
        tab.open(path).await?;
        let text: String = tab.ask("document.querySelector('main').innerText").await?;
        ensure!(text.contains(words), "{path} does not say {words:?}: {text}");
        let headings: usize = tab.ask("document.querySelectorAll('h1').length").await?;
        ensure!(headings == 1, "{path} has {headings} main headings");
    }
    tab.open("/index.html").await?;
    tab.shoot("index").await?;
    tab.open("/movie.html?movieId=260").await?;
    tab.shoot("movie").await?;
    tab.open("/user.html?id=6&model=widedeep").await?;
    tab.shoot("user").await?;
    tab.open("/explain.html?id=6&movieId=260&model=widedeep").await?;
    let different: usize = tab
        .ask("document.querySelectorAll('#features tr.bad').length")
        .await?;
    ensure!(different == 0, "{different} features differ");
    let hidden: i64 = tab
        .ask("(box => box.scrollWidth - box.clientWidth)(document.querySelector('#features').parentElement)")
        .await?;
    ensure!(
        hidden <= 0,
        "{hidden} pixels of the features' table are out of sight"
    );
    tab.shoot("explain").await?;
    tab.open("/status.html").await?;
    tab.wait("document.querySelectorAll('#charts svg').length > 2")
        .await?;
    tab.shoot("status").await?;
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}

pub(crate) async fn errors_are_pages(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    let faults = [
        ("/movie.html", 400, "“movieId” should be an integer"),
        (
            "/movie.html?movieId=12345678",
            404,
            "There is no film 12345678 here.",
        ),
        ("/user.html?id=12345678", 404, "There is no user 12345678 here."),
        ("/user.html?id=6&model=magic", 400, "“model” should be one of"),
        (
            "/collection.html?type=genre&value=Nothing",
            400,
            "“genre” should be one of",
        ),
        (
            "/collection.html?type=genre&value=War&page=900",
            404,
            "There is no page 900 here.",
        ),
        ("/nowhere/at/all", 404, "There is no page /nowhere/at/all here."),
        ("/cover/0.svg", 404, "There is no film 0 here."),
        ("/rate", 405, ""),
    ];
    for (path, status, words) in faults {
        let (got, headers, _) = site.get(path)?;
        ensure!(got == status, "{path} answers {got}");
        ensure!(
            headers["content-type"].to_str()?.starts_with("text/html"),
            "{path} is no page"
        );
        tab.open(path).await?;
        let text: String = tab.ask("document.querySelector('main').innerText").await?;
        ensure!(
            text.contains(words) && text.contains(&status.to_string()),
            "{path}: {text}"
        );
    }
    Ok(())
}
