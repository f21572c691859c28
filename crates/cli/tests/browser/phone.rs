//! At phone width every page fits: nothing scrolls sideways but the shelves within themselves.

use anyhow::ensure;

use crate::site::Site;
use crate::tab::Tab;

pub(crate) async fn nothing_is_wider_than_a_phone(_: &Site, tab: &Tab) -> anyhow::Result<()> {
    let pages = [
        ("/index.html", "index-phone"),
        ("/movie.html?movieId=260", "movie-phone"),
        ("/user.html?id=6&model=widedeep", "user-phone"),
        ("/status.html", "status-phone"),
        ("/explain.html?id=6&movieId=260&model=widedeep", "explain-phone"),
        ("/collection.html?type=genre&value=War", "collection-phone"),
        ("/search.html?q=the", "search-phone"),
    ];
    for (width, height) in [(390, 844), (320, 640)] {
        tab.size(width, height, true).await?;
        for (path, name) in pages {
            tab.open(path).await?;
            let (page, window): (i64, i64) = tab
                .ask("[document.documentElement.scrollWidth, innerWidth]")
                .await?;
            ensure!(
                page <= window && window == width,
                "{path} is {page} wide in {window}"
            );
            if width == 390 {
                tab.shoot(name).await?;
            }
        }
    }
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}
