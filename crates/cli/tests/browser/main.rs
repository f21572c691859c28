//! The pages as people see them: the real binary's demo in a real headless Chromium.
//!
//! One server and one browser for all scenarios, one tab for each; so they are one test, which runs them in turn and
//! names every one that failed. The decision: nothing sleeps for a fixed time, every step waits for what it needs, up to
//! minutes, because machines that run tests are slow. A missing Chromium is a failure.

mod dark;
mod escaping;
mod keyboard;
mod opens;
mod order;
mod phone;
mod policy;
mod rating;
mod scriptless;
mod search;
mod site;
mod tab;

use site::Site;
use tab::Browser;

/// Runs a scenario in a tab of its own and keeps its failure under its name.
macro_rules! run {
    ($site:ident, $browser:ident, $failures:ident, $($scenario:path),+ $(,)?) => {$(
        let tab = $browser.tab(&$site).await.expect("a tab opens");
        let outcome = $scenario(&$site, &tab).await;
        let complaints = tab.close().await;
        let told = match &outcome {
            Ok(()) => format!("{}: ok", stringify!($scenario)),
            Err(error) => format!("{}: {error:#}; console: {complaints:?}", stringify!($scenario)),
        };
        println!("{told}");
        if outcome.is_err() {
            $failures.push(told);
        }
    )+};
}

#[test]
fn the_pages_work_in_a_browser() {
    let site = Site::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let failures = runtime.block_on(walk(&site));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn walk(site: &Site) -> Vec<String> {
    let browser = Browser::launch()
        .await
        .expect("chromium starts (setup.sh installs it)");
    let mut failures = Vec::new();
    run!(
        site,
        browser,
        failures,
        opens::every_page_without_complaints,
        opens::errors_are_pages,
        order::the_page_lists_what_the_api_answers,
        phone::nothing_is_wider_than_a_phone,
        dark::dark_is_dark_and_light_is_light,
        keyboard::the_first_key_offers_to_skip_to_the_content,
        search::words_find_a_film,
        escaping::a_film_called_script_is_text,
        policy::no_page_brings_code_styles_or_foreign_addresses,
        rating::rating_a_pick_changes_the_list_in_place,
        rating::rating_on_a_films_page_changes_what_comes_next,
        scriptless::a_form_rates_without_the_script,
    );
    browser.close().await;
    failures
}
