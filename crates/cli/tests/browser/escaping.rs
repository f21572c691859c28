//! A film called `<script>` is shown as text, wherever it is shown.

use anyhow::ensure;

use crate::site::{FILM, Site, TITLE};
use crate::tab::Tab;

pub(crate) async fn a_film_called_script_is_text(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    tab.open(&format!("/movie.html?movieId={FILM}")).await?;
    let heading: String = tab.ask("document.querySelector('h1').textContent").await?;
    ensure!(heading == TITLE, "the heading is {heading}");
    let title: String = tab.ask("document.title").await?;
    ensure!(
        title == format!("{TITLE} · Rankine"),
        "the window is called {title}"
    );
    let scripts: Vec<String> = tab
        .ask("[...document.scripts].map(s => s.getAttribute('src'))")
        .await?;
    ensure!(scripts == ["/static/rankine.js"], "{scripts:?}");
    tab.wait("[...document.images].some(i => i.src.endsWith('/cover/999999.svg') && i.naturalWidth)")
        .await?;
    tab.open("/collection.html?type=genre&value=%3Cb%3EOdd%3C%2Fb%3E")
        .await?;
    let (heading, bold): (String, usize) = tab
        .ask("[document.querySelector('h1').textContent, document.querySelectorAll('main b').length]")
        .await?;
    ensure!(heading == "<b>Odd</b>" && bold == 0, "{heading}, {bold} bold");
    let (_, _, cover) = site.get(&format!("/cover/{FILM}.svg"))?;
    ensure!(!cover.contains("<script") && !cover.contains("<img"), "{cover}");
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}
