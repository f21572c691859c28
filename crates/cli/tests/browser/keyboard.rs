//! The keyboard reaches everything: a link past the header first, a visible focus, stars as buttons.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn the_first_key_offers_to_skip_to_the_content(_: &Site, tab: &Tab) -> anyhow::Result<()> {
    tab.open("/user.html?id=6&model=popularity").await?;
    let body = tab.page.find_element("body").await?;
    body.press_key("Tab").await?;
    tab.wait("document.activeElement.matches('.skip')").await?;
    tab.wait("document.activeElement.getBoundingClientRect().top >= 0")
        .await?;
    tab.page.find_element(".skip").await?.press_key("Enter").await?;
    tab.wait("document.activeElement.id === 'main'").await?;
    tab.page.find_element("#main").await?.press_key("Tab").await?;
    tab.wait("document.activeElement.closest('main') && document.activeElement.matches('a, button')")
        .await?;
    let outline: String = tab
        .ask("getComputedStyle(document.activeElement).outlineStyle")
        .await?;
    ensure!(outline == "solid", "the focus is drawn as {outline}");
    let unnamed: usize = tab
        .ask("[...document.querySelectorAll('button, input:not([type=hidden])')].filter(e => !(e.innerText.trim() || e.labels?.length)).length")
        .await?;
    ensure!(unnamed == 0, "{unnamed} controls have no name");
    Ok(())
}
