//! Rating a film changes what is recommended, without leaving the page.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn rating_a_pick_changes_the_list_in_place(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    tab.open("/user.html?id=6&model=widedeep").await?;
    let before = tab.films("#picks > li").await?;
    let film = before.first().cloned().unwrap_or_default();
    tab.ask::<bool>("(window.stayed = true)").await?;
    tab.click("#picks > li:first-child .rate button[value='5']")
        .await?;
    tab.wait(&format!("document.documentElement.dataset.rated === '{film}'"))
        .await?;
    let after = tab.films("#picks > li").await?;
    ensure!(
        after != before && !after.contains(&film),
        "{film} rated; before {before:?}, after {after:?}"
    );
    ensure!(
        after == site.recommended(6, "widedeep")?,
        "the page shows {after:?}"
    );
    ensure!(
        tab.films("#history li").await?.first() == Some(&film),
        "{film} does not lead the history"
    );
    let lit: usize = tab
        .ask("document.querySelectorAll('#history li:first-child .rate .lit').length")
        .await?;
    ensure!(lit == 5, "{lit} stars are lit in the history");
    let said: String = tab.ask("document.getElementById('said').textContent").await?;
    ensure!(
        said.starts_with("Rated ") && said.contains("new in the list"),
        "it says {said:?}"
    );
    ensure!(
        tab.ask::<bool>("window.stayed === true").await?,
        "the page was left"
    );
    tab.shoot("user-rated").await?;
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}

pub(crate) async fn rating_on_a_films_page_changes_what_comes_next(
    _: &Site,
    tab: &Tab,
) -> anyhow::Result<()> {
    tab.open("/user.html?id=15").await?;
    tab.open("/index.html").await?;
    let film = tab
        .films(".chosen .poster a")
        .await?
        .first()
        .cloned()
        .unwrap_or_default();
    tab.open(&format!("/movie.html?movieId={film}")).await?;
    let before = tab.films("#next a").await?;
    ensure!(before.contains(&film), "{film} should come next: {before:?}");
    let count: String = tab
        .ask("document.querySelector('#stats .under').textContent")
        .await?;
    tab.click("#rate button[value='4']").await?;
    tab.wait(&format!("document.documentElement.dataset.rated === '{film}'"))
        .await?;
    let after = tab.films("#next a").await?;
    ensure!(!after.contains(&film) && !after.is_empty(), "after: {after:?}");
    let counted: String = tab
        .ask("document.querySelector('#stats .under').textContent")
        .await?;
    ensure!(counted != count, "still {counted}");
    let text: String = tab.ask("document.getElementById('rate').innerText").await?;
    ensure!(text.contains("User 15 rated it 4"), "{text}");
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}
