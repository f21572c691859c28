//! Where the script does not arrive the stars are buttons of a form: it is sent, and the page comes back changed.
//!
//! The file is kept from the browser; turning scripts off as a whole would also stop the library that asks the page.

use anyhow::ensure;
use chromiumoxide::cdp::browser_protocol::network::{BlockPattern, SetBlockedUrLsParams};

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn a_form_rates_without_the_script(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    let script = BlockPattern::new("*://*:*/static/rankine.js", true);
    tab.page
        .execute(SetBlockedUrLsParams::builder().url_pattern(script).build())
        .await?;
    tab.open("/user.html?id=20&model=embeddingmlp").await?;
    ensure!(
        tab.ask::<bool>("typeof compare === 'undefined'").await?,
        "the script came all the same"
    );
    let before = tab.films("#picks > li").await?;
    let film = before.first().cloned().unwrap_or_default();
    tab.click("#picks > li:first-child .rate button[value='2']")
        .await?;
    tab.wait(&format!(
        "location.search.includes('rated={film}') && document.readyState === 'complete'"
    ))
    .await?;
    let (path, notice): (String, String) = tab
        .ask("[location.pathname + location.search, document.querySelector('.notice').innerText]")
        .await?;
    ensure!(
        path.starts_with("/user.html?id=20&model=embeddingmlp"),
        "back at {path}"
    );
    ensure!(
        notice.contains("Rated ") && notice.contains(" 2"),
        "it says {notice:?}"
    );
    let after = tab.films("#picks > li").await?;
    ensure!(
        !after.contains(&film) && after == site.recommended(20, "embeddingmlp")?,
        "after: {after:?}"
    );
    Ok(())
}
