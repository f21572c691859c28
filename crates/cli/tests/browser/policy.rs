//! What a page may bring: this server's files. No code or styles within, no address outside the machine, no foreign form.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

/// Elements and attributes that would bring code or styles, and addresses of other hosts.
const FORBIDDEN: &str = "(() => { const all = [...document.querySelectorAll('*')]; \
    const foreign = all.flatMap(e => ['href', 'src', 'action'].map(a => e.getAttribute(a))) \
        .filter(v => v && new URL(v, location).origin !== location.origin); \
    const inline = all.filter(e => e.matches('style, [style]') || (e.matches('script') && !e.src) \
        || [...e.attributes].some(a => a.name.startsWith('on'))).map(e => e.outerHTML.slice(0, 80)); \
    return foreign.concat(inline); })()";

pub(crate) async fn no_page_brings_code_styles_or_foreign_addresses(
    site: &Site,
    tab: &Tab,
) -> anyhow::Result<()> {
    for path in [
        "/index.html",
        "/user.html?id=6",
        "/movie.html?movieId=1",
        "/status.html",
        "/nowhere",
    ] {
        tab.open(path).await?;
        let found: Vec<String> = tab.ask(FORBIDDEN).await?;
        ensure!(found.is_empty(), "{path}: {found:?}");
        let asked: Vec<String> = tab
            .ask("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))")
            .await?;
        ensure!(asked.is_empty(), "{path} asked for {asked:?}");
        let (_, headers, _) = site.get(path)?;
        let policy = headers["content-security-policy"].to_str()?;
        ensure!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
    }
    let form = "user=6&item=318&value=1";
    ensure!(
        site.send_form("/rate", "http://elsewhere.example", form)? == 403,
        "a foreign form was taken"
    );
    ensure!(
        site.send_form("/rate", &site.address, "user=6&item=318&value=9")? == 400,
        "nine stars were taken"
    );
    Ok(())
}
