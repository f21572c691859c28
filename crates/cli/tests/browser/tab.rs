//! A browser, and a tab that remembers what the console complained about.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chromiumoxide::browser::{Browser as Chromium, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams;
use chromiumoxide::cdp::browser_protocol::log::{EnableParams, EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::page::{Page, ScreenshotParams};
use futures_util::StreamExt;
use tokio::task::JoinHandle;

/// How long a step may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);
/// Switches beside the library's: no accounts, no updates, no network of its own.
const SWITCHES: [&str; 5] = [
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-component-update",
    "hide-scrollbars",
];

/// A headless Chromium with a profile of its own.
pub(crate) struct Browser {
    chromium: Chromium,
    handler: JoinHandle<()>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it.
    pub(crate) async fn launch() -> anyhow::Result<Browser> {
        let profile = tempfile::tempdir()?;
        let config = BrowserConfig::builder()
            .no_sandbox()
            .viewport(None)
            .window_size(1280, 900)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .user_data_dir(profile.path())
            .args(SWITCHES);
        let (chromium, mut events) = Chromium::launch(config.build().map_err(anyhow::Error::msg)?).await?;
        // messages this library does not know yet come as errors and are passed over
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        Ok(Browser {
            chromium,
            handler,
            _profile: profile,
        })
    }

    /// Opens an empty tab of desktop size for the site at `address`.
    pub(crate) async fn tab(&self, address: &str) -> anyhow::Result<Tab> {
        let page = self.chromium.new_page("about:blank").await?;
        let complaints = Arc::default();
        listen(&page, &complaints).await?;
        let tab = Tab {
            page,
            complaints,
            address: address.to_owned(),
        };
        tab.size(1280, 900, false).await?;
        Ok(tab)
    }

    /// Ends it and waits for its end.
    pub(crate) async fn close(mut self) {
        self.chromium.close().await.ok();
        if tokio::time::timeout(PATIENCE, self.chromium.wait())
            .await
            .is_err()
        {
            self.chromium.kill().await;
        }
        self.handler.abort();
    }
}

type Complaints = Arc<Mutex<Vec<String>>>;

/// Writes down console errors, uncaught exceptions and what the log reports: blocked styles, files not found.
async fn listen(page: &Page, complaints: &Complaints) -> anyhow::Result<()> {
    page.execute(EnableParams::default()).await?;
    let mut logged = page.event_listener::<EventEntryAdded>().await?;
    let mut said = page.event_listener::<EventConsoleApiCalled>().await?;
    let mut thrown = page.event_listener::<EventExceptionThrown>().await?;
    let note = |complaints: &Complaints, text: String| {
        complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
    };
    let to = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = logged.next().await {
            if event.entry.level == LogEntryLevel::Error {
                note(
                    &to,
                    format!(
                        "{} {}",
                        event.entry.text,
                        event.entry.url.as_deref().unwrap_or("")
                    ),
                );
            }
        }
    });
    let to = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = said.next().await {
            note(&to, format!("console: {:?}", event.args));
        }
    });
    let to = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = thrown.next().await {
            note(&to, format!("thrown: {:?}", event.exception_details));
        }
    });
    Ok(())
}

/// A tab.
pub(crate) struct Tab {
    /// The library's page.
    pub(crate) page: Page,
    complaints: Complaints,
    address: String,
}

impl Tab {
    /// Opens a path of the site and waits until it is whole.
    pub(crate) async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.go(&format!("{}{path}", self.address)).await
    }

    /// Opens any address and waits until it is whole.
    pub(crate) async fn go(&self, url: &str) -> anyhow::Result<()> {
        self.page.goto(url).await.with_context(|| url.to_owned())?;
        self.wait("document.readyState === 'complete'").await
    }

    /// Evaluates an expression.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(&self, expression: &str) -> anyhow::Result<T> {
        let answer = self
            .page
            .evaluate(expression)
            .await
            .with_context(|| expression.to_owned())?;
        answer.into_value().with_context(|| expression.to_owned())
    }

    /// Waits until an expression is true; while a page is being replaced it may not answer at all.
    pub(crate) async fn wait(&self, expression: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            if self
                .ask::<bool>(&format!("Boolean({expression})"))
                .await
                .unwrap_or(false)
            {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("waited in vain for {expression}");
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Clicks what a selector finds.
    pub(crate) async fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.page
            .find_element(selector)
            .await
            .with_context(|| selector.to_owned())?
            .click()
            .await?;
        Ok(())
    }

    /// Ids of the films that a selector finds, in the page's order.
    pub(crate) async fn films(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        self.ask(&format!(
            "[...document.querySelectorAll('{selector}')].map(e => e.dataset.film)"
        ))
        .await
    }

    /// Makes the window this large, as a phone's or not.
    pub(crate) async fn size(&self, width: i64, height: i64, phone: bool) -> anyhow::Result<()> {
        let scale = if phone { 2.0 } else { 1.0 };
        self.page
            .execute(SetDeviceMetricsOverrideParams::new(width, height, scale, phone))
            .await?;
        Ok(())
    }

    /// Saves what is seen under `target/screenshots`, once every cover in view is drawn and nothing moves.
    pub(crate) async fn shoot(&self, name: &str) -> anyhow::Result<()> {
        self.wait("document.getAnimations().every(a => a.playState !== 'running')")
            .await?;
        self.wait(
            "[...document.images].filter(i => { const r = i.getBoundingClientRect(); return r.top < innerHeight \
             && r.left < innerWidth && r.width; }).every(i => i.complete && i.naturalWidth)",
        )
        .await?;
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
        std::fs::create_dir_all(&folder)?;
        let image = self
            .page
            .save_screenshot(ScreenshotParams::default(), folder.join(format!("{name}.png")))
            .await?;
        ensure!(image.len() > 10_000, "{name}.png has {} bytes", image.len());
        Ok(())
    }

    /// What the console complained about so far.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Closes the tab; answers its complaints.
    pub(crate) async fn close(self) -> Vec<String> {
        let complaints = self.complaints();
        self.page.close().await.ok();
        complaints
    }
}
