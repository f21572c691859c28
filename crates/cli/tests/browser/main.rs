//! The pages as people see them: the real binary's demo in a real headless Chromium.
//!
//! One server and one browser for all scenarios, one tab for each; so they are one test, which runs them in turn and
//! names every one that failed; new films need a change stream beside the site and are a test of their own. The decision:
//! nothing sleeps for a fixed time, every step waits for what it needs, up to
//! minutes, because machines that run tests are slow. A missing Chromium is a failure.

#[cfg(test)]
mod arrivals;
#[cfg(test)]
mod dark;
#[cfg(test)]
mod escaping;
#[cfg(test)]
#[path = "../fresh/mod.rs"]
#[expect(dead_code, reason = "the integration tests use the rest")]
mod fresh;
#[cfg(test)]
mod keyboard;
#[cfg(test)]
mod opens;
#[cfg(test)]
mod order;
#[cfg(test)]
mod phone;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod rating;
#[cfg(test)]
mod report;
#[cfg(test)]
mod scriptless;
#[cfg(test)]
mod search;
#[cfg(test)]
mod site;
#[cfg(test)]
mod tab;
#[cfg(test)]
mod walk;

#[test]
fn the_pages_work_in_a_browser() {
    let site = site::Site::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let failures = runtime
        .block_on(walk::walk(&site))
        .expect("chromium starts (setup.sh installs it)");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_new_film_arrives_in_a_browser() {
    let fresh = fresh::Fresh::start(&fresh::Wish::default());
    for film in [26, 31, 40] {
        fresh.rate(arrivals::USER, film, 5.0);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime
        .block_on(arrivals::a_typed_film_is_followed_into_a_users_row_edited_and_deleted(&fresh))
        .expect("what a film's way through the pages is");
}
