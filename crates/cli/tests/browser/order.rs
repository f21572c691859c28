//! The page is the API's answer, drawn: the same films in the same order, for every model.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn the_page_lists_what_the_api_answers(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    for (user, model) in [
        (6, "widedeep"),
        (6, "neuralcf"),
        (15, "embeddingmlp"),
        (15, "emb"),
        (15, "popularity"),
    ] {
        tab.open(&format!("/user.html?id={user}&model={model}")).await?;
        let (page, api) = (tab.films("#picks > li").await?, site.recommended(user, model)?);
        ensure!(
            page.len() == 32 && page == api,
            "{model}: the page shows {page:?}, the API {api:?}"
        );
        let reasons: usize = tab
            .ask("document.querySelectorAll('#picks .why li:first-child').length")
            .await?;
        ensure!(reasons == 32, "{model}: {reasons} films say why");
    }
    Ok(())
}
