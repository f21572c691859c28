//! Search: words typed into the box of any page find the film.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn words_find_a_film(_: &Site, tab: &Tab) -> anyhow::Result<()> {
    tab.open("/index.html").await?;
    let field = tab.page.find_element("#q").await?;
    field.click().await?;
    field.type_str("shawshank redem").await?;
    field.press_key("Enter").await?;
    tab.wait("location.pathname === '/search.html' && document.readyState === 'complete'")
        .await?;
    let films = tab.films(".grid a").await?;
    ensure!(films == ["318"], "found {films:?}");
    let kept: String = tab.ask("document.getElementById('q').value").await?;
    ensure!(kept == "shawshank redem", "the box says {kept}");
    tab.open("/search.html?q=%3Cscript%3Ealert(1)").await?;
    let text: String = tab.ask("document.querySelector('h1').innerText").await?;
    ensure!(
        text == "Nothing called “<script>alert(1)”" || text == "“<script>alert(1)”",
        "{text}"
    );
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}
