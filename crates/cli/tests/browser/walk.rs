//! The walk through all scenarios, one after another, each in a tab of its own.

use crate::site::Site;
use crate::tab::Browser;
use crate::{dark, escaping, keyboard, opens, order, phone, policy, rating, report, scriptless, search};

/// Runs a scenario in a tab of its own and keeps its failure under its name.
macro_rules! run {
    ($site:ident, $browser:ident, $failures:ident, $($scenario:path),+ $(,)?) => {$(
        let tab = $browser.tab(&$site.address).await?;
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

/// Runs every scenario; answers those that failed and why.
pub(crate) async fn walk(site: &Site) -> anyhow::Result<Vec<String>> {
    let browser = Browser::launch().await?;
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
        report::a_report_is_a_file_that_needs_nothing_else,
        report::a_chronicle_shows_its_nights,
        report::a_run_is_watched_to_its_end,
    );
    browser.close().await;
    Ok(failures)
}
