//! A film is typed into the form, followed through the change stream into a user's row, edited, deleted; what the stream tells is
//! seen on its page. On a site of its own, with a stream beside it.

use anyhow::{Context, ensure};

use crate::fresh::Fresh;
use crate::tab::{Browser, Tab};

/// Who likes dramas.
pub(crate) const USER: i64 = 900_001;

/// A site with a stream, and a tab.
struct Walk<'a> {
    fresh: &'a Fresh,
    tab: &'a Tab,
}

/// Films that come while nobody looks, and then the walk.
pub(crate) async fn a_typed_film_is_followed_into_a_users_row_edited_and_deleted(
    fresh: &Fresh,
) -> anyhow::Result<()> {
    fresh.insert(&[
        (910_001, "Quiet Rooms (2026)", &["Drama"]),
        (910_002, "Loud Streets (2026)", &["Action", "War"]),
        (910_003, "Late Laughs (2026)", &["Comedy"]),
    ]);
    let browser = Browser::launch().await?;
    let tab = browser.tab(&fresh.site).await?;
    let walk = Walk { fresh, tab: &tab };
    let film = walk.inserted().await?;
    walk.in_the_row(&film).await?;
    walk.on_the_streams_page(&film).await?;
    walk.edited(&film).await?;
    walk.deleted(&film).await?;
    walk.on_a_phone().await?;
    let complaints = tab.close().await;
    ensure!(complaints.is_empty(), "{complaints:?}");
    browser.close().await;
    Ok(())
}

impl Walk<'_> {
    async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.tab.open(path).await
    }

    /// Types as a hand does.
    async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let field = self
            .tab
            .page
            .find_element(selector)
            .await
            .with_context(|| selector.to_owned())?;
        self.tab
            .ask::<bool>(&format!(
                "(document.querySelector('{selector}').value = '') === ''"
            ))
            .await?;
        field.click().await?.type_str(text).await?;
        Ok(())
    }

    /// The form is filled and sent; the page follows the film without being touched. Answers its id.
    async fn inserted(&self) -> anyhow::Result<String> {
        let tab = self.tab;
        self.open(&format!("/insert.html?user={USER}")).await?;
        self.fill("#title", "A Long Shot (2026)").await?;
        self.fill("#genres", "Drama, Romance").await?;
        self.fill("#user", &USER.to_string()).await?;
        tab.click("#insert button").await?;
        tab.wait("document.querySelector('#stages')?.innerText.includes('among the new for user 900001')")
            .await?;
        let stages: Vec<String> = tab
            .ask("[...document.querySelectorAll('#stages tbody th')].map(e => e.textContent)")
            .await?;
        ensure!(stages.len() == 6, "{stages:?}");
        tab.wait("document.querySelector('#arrivals .poster')").await?;
        tab.shoot("insert").await?;
        let film: String = tab
            .ask("document.querySelector('form[data-film]').dataset.film")
            .await?;
        Ok(film)
    }

    async fn in_the_row(&self, film: &str) -> anyhow::Result<()> {
        self.open(&format!("/user.html?id={USER}&model=popularity"))
            .await?;
        let text: String = self
            .tab
            .ask("document.querySelector('#arrivals').innerText")
            .await?;
        ensure!(
            text.contains("New arrivals for you") && text.contains("A Long Shot"),
            "{text}"
        );
        let row = self.tab.films("#arrivals .poster a").await?;
        ensure!(row.iter().any(|one| one == film) && row.len() == 4, "{row:?}");
        let kept: usize = self
            .tab
            .ask("document.querySelectorAll('.pick .kept').length")
            .await?;
        ensure!(kept == 3, "{kept} of 32 places are kept for new films");
        self.tab.shoot("user-arrivals").await?;
        self.open(&format!("/movie.html?movieId={film}")).await?;
        let heading: String = self.tab.ask("document.querySelector('h1').textContent").await?;
        ensure!(heading == "A Long Shot", "{heading}");
        Ok(())
    }

    async fn on_the_streams_page(&self, film: &str) -> anyhow::Result<()> {
        self.open("/stream.html").await?;
        let text: String = self.tab.ask("document.querySelector('main').innerText").await?;
        for words in [
            "Lag",
            "Searchable after",
            "What was served of it",
            "A Long Shot",
            "Quiet Rooms",
        ] {
            ensure!(text.contains(words), "{words}: {text}");
        }
        let drawn: usize = self
            .tab
            .ask("document.querySelectorAll('#latency svg rect, #latency svg path').length")
            .await?;
        ensure!(drawn > 0, "the histogram is empty");
        self.tab.wait(&format!("document.querySelector('#last tr[data-item=\"{film}\"] td:last-child')?.textContent.includes('ms')")).await?;
        self.tab.shoot("stream").await?;
        // what happens now is seen without a reload
        self.fresh.insert(&[(910_009, "Seen Live (2026)", &["Drama"])]);
        self.tab
            .wait("document.querySelector('#last tr[data-item=\"910009\"]')")
            .await
    }

    async fn edited(&self, film: &str) -> anyhow::Result<()> {
        self.open(&format!("/insert.html?user={USER}")).await?;
        self.fill(&format!("#title-{film}"), "A Longer Shot (2026)")
            .await?;
        self.tab
            .click(&format!("form[data-film=\"{film}\"] button[value=\"edit\"]"))
            .await?;
        self.tab
            .wait(
                "document.querySelector('#change')?.innerText.includes('A Longer Shot (2026): edited') \
                && document.querySelector('#stages').innerText.includes('among the new')",
            )
            .await?;
        self.open(&format!("/user.html?id={USER}")).await?;
        let text: String = self
            .tab
            .ask("document.querySelector('#arrivals').innerText")
            .await?;
        ensure!(text.contains("A Longer Shot"), "{text}");
        Ok(())
    }

    async fn deleted(&self, film: &str) -> anyhow::Result<()> {
        self.open(&format!("/insert.html?user={USER}")).await?;
        self.tab
            .click(&format!("form[data-film=\"{film}\"] button[value=\"delete\"]"))
            .await?;
        self.tab
            .wait("document.querySelector('#stages')?.innerText.includes('gone from the list')")
            .await?;
        self.tab.shoot("insert-deleted").await?;
        self.open(&format!("/user.html?id={USER}")).await?;
        let row = self.tab.films("#arrivals .poster a").await?;
        ensure!(row.iter().all(|one| one != film) && row.len() == 4, "{row:?}");
        Ok(())
    }

    async fn on_a_phone(&self) -> anyhow::Result<()> {
        self.tab.size(390, 844, true).await?;
        for (path, name) in [("/insert.html", "insert-phone"), ("/stream.html", "stream-phone")] {
            self.open(path).await?;
            let width: i64 = self.tab.ask("document.documentElement.scrollWidth").await?;
            ensure!(width <= 390, "{path} is {width} wide");
            self.tab.shoot(name).await?;
        }
        Ok(())
    }
}
