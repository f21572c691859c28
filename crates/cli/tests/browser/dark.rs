//! Light and dark follow the reader's choice, and text stands out in both.

use anyhow::ensure;
use chromiumoxide::cdp::browser_protocol::emulation::MediaFeature;

use crate::site::Site;
use crate::tab::Tab;

/// Luminance of the ink and of the paper, 0 to 1 (sRGB weights without gamma).
const LUMINANCE: &str = "(() => { const of = (name) => { const [r, g, b] = getComputedStyle(document.body)[name] \
    .match(/[0-9.]+/g).map(Number); return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; }; \
    return [of('color'), of('backgroundColor')]; })()";

pub(crate) async fn dark_is_dark_and_light_is_light(_: &Site, tab: &Tab) -> anyhow::Result<()> {
    for scheme in ["light", "dark"] {
        let feature = MediaFeature {
            name: "prefers-color-scheme".to_owned(),
            value: scheme.to_owned(),
        };
        tab.page.emulate_media_features(vec![feature]).await?;
        for (path, name) in [
            ("/user.html?id=6&model=widedeep", "user-dark"),
            ("/movie.html?movieId=260", "movie-dark"),
            ("/index.html", "index-dark"),
            ("/status.html", "status-dark"),
            ("/explain.html?id=6&movieId=260&model=widedeep", "explain-dark"),
        ] {
            tab.open(path).await?;
            let (ink, paper): (f64, f64) = tab.ask(LUMINANCE).await?;
            ensure!(
                (ink > paper) == (scheme == "dark"),
                "{path} in {scheme}: ink {ink}, paper {paper}"
            );
            ensure!(
                (ink - paper).abs() > 0.6,
                "{path} in {scheme}: ink {ink}, paper {paper}"
            );
            if scheme == "dark" {
                tab.shoot(name).await?;
            }
        }
    }
    Ok(())
}
