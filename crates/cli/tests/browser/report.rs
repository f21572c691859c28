//! The report of a published model and the chronicle of another as files, and the page of a run while it goes: both in a browser, without complaints.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::site::Site;
use crate::tab::Tab;

/// `report.html` opened from the disk: every part is there, every picture has a size, nothing is wider than a phone.
pub(crate) async fn a_report_is_a_file_that_needs_nothing_else(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    let file = site.home().join("models/widedeep/1/report.html");
    ensure!(file.exists(), "{}", file.display());
    tab.go(&format!("file://{}", file.display())).await?;
    let parts: Vec<String> = tab
        .ask("[...document.querySelectorAll('section')].map(s => s.id)")
        .await?;
    let expected = [
        "training",
        "metrics",
        "calibration",
        "network",
        "data",
        "facts",
        "limits",
        "configuration",
    ];
    ensure!(parts == expected, "{parts:?}");
    let seen = "[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().width > 200)";
    ensure!(tab.ask::<bool>(seen).await?, "a picture has no size");
    let pictures: usize = tab
        .ask("document.querySelectorAll('svg[role=img]').length")
        .await?;
    ensure!(pictures == 3, "{pictures} pictures");
    tab.shoot("report").await?;
    for id in ["metrics", "calibration", "network"] {
        tab.ask::<bool>(&format!(
            "(document.getElementById('{id}').scrollIntoView(), true)"
        ))
        .await?;
        tab.shoot(&format!("report-{id}")).await?;
    }
    fits_a_phone(tab).await
}

/// No table is wider than its part of the page in a window of 1280 pixels.
async fn tables_fit_a_desktop(tab: &Tab) -> anyhow::Result<()> {
    tab.size(1280, 800, false).await?;
    let wide: Vec<String> = tab
        .ask("[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.closest('section').id)")
        .await?;
    ensure!(wide.is_empty(), "wider than a desktop: {wide:?}");
    Ok(())
}

/// Nothing is wider than a phone, and nothing was complained of.
async fn fits_a_phone(tab: &Tab) -> anyhow::Result<()> {
    tab.size(390, 844, true).await?;
    let wide: bool = tab
        .ask("document.documentElement.scrollWidth > innerWidth")
        .await?;
    ensure!(!wide, "wider than a phone");
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    Ok(())
}

/// `model chronicle --html` of what a replay of three nights left: a curve with all outcomes, a line per night.
pub(crate) async fn a_chronicle_shows_its_nights(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    let model = site.home().join("models/nights");
    std::fs::create_dir_all(&model)?;
    std::fs::write(model.join("chronicle.jsonl"), include_str!("nights.jsonl"))?;
    let page = site.home().join("nights.html");
    let told = Command::new(env!("CARGO_BIN_EXE_rankine"))
        .arg("--home")
        .arg(site.home())
        .args(["model", "chronicle", "nights", "--html"])
        .arg(&page)
        .output()?;
    ensure!(told.status.success(), "{told:?}");
    std::fs::remove_dir_all(&model)?;
    tab.go(&format!("file://{}", page.display())).await?;
    let outcomes: Vec<String> = tab
        .ask("[...document.querySelectorAll('#trainings tbody tr')].map(r => r.cells[1].textContent)")
        .await?;
    let expected = [
        "published 1",
        "published 2",
        "blocked",
        "published 3, rolled back to 2",
    ];
    ensure!(outcomes == expected, "{outcomes:?}");
    let names: String = tab
        .ask("document.querySelector('#curve svg').textContent")
        .await?;
    for name in ["serving version", "published", "blocked", "rolled back"] {
        ensure!(names.contains(name), "{name}: {names}");
    }
    let drawn: bool = tab
        .ask("document.querySelector('#curve svg').getBoundingClientRect().width > 200")
        .await?;
    ensure!(drawn, "the curve has no size");
    tables_fit_a_desktop(tab).await?;
    tab.shoot("chronicle").await?;
    fits_a_phone(tab).await
}

/// A run, killed when dropped.
struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// `train --watch`: the page changes while the run goes, without being loaded again, and says when it has ended.
pub(crate) async fn a_run_is_watched_to_its_end(site: &Site, tab: &Tab) -> anyhow::Result<()> {
    let child = Command::new(env!("CARGO_BIN_EXE_rankine"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .arg("--home")
        .arg(site.home())
        .args([
            "train",
            "config/models/embeddingmlp.toml",
            "--name",
            "watched",
            "--watch",
            "0",
        ])
        .args(["--set", "train.epochs=6", "--set", "train.early_stop.patience=9"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut run = Run(child);
    let told = BufReader::new(run.0.stderr.take().context("a pipe")?);
    let mut lines = told.lines().map_while(Result::ok);
    let found = lines.find_map(|line| {
        line.split_once("watch the run at ")
            .map(|(_, url)| url.to_owned())
    });
    let address = found.context("no address was told")?;
    std::thread::spawn(move || lines.for_each(drop));
    tab.go(&address).await?;
    tab.ask::<bool>("window.stays = true").await?;
    tab.wait("document.querySelectorAll('#run svg').length > 0")
        .await?;
    tab.wait("document.querySelectorAll('#run tbody tr').length >= 2")
        .await?;
    tab.shoot("watch").await?;
    tab.wait("document.getElementById('heard').textContent === 'The run has ended.'")
        .await?;
    tab.wait("document.querySelectorAll('#run tbody tr').length === 6")
        .await?;
    ensure!(
        tab.ask::<bool>("window.stays").await?,
        "the page was loaded again"
    );
    tab.shoot("watch-ended").await?;
    ensure!(tab.complaints().is_empty(), "{:?}", tab.complaints());
    ensure!(run.0.wait()?.success(), "the run failed");
    Ok(())
}
