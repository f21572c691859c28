//! `train --watch PORT`: a page that shows the run while it goes: curves, speed, time left, the epochs so far.
//!
//! Flow: the trainer's reports → [`Watch`] (a [`Progress`]) → a thread that answers on 127.0.0.1 → `GET /` (the page with
//! what is known now) and `GET /events` (the same again whenever it changes, as server-sent events). Decision: everything is
//! drawn on this side, so the page works without a network and, reloading itself, without a script; and the few lines of
//! HTTP are written here, because a run must not start the whole server.

mod http;
mod page;
pub(crate) mod state;

use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rankine_train::{EpochReport, Progress, StepReport};

use state::State;

/// What the run tells and the page reads.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.version += 1;
        self.changed.notify_all();
    }

    /// What is known, once it is newer than `version` or `wait` has passed.
    fn newer(&self, version: u64, wait: Duration) -> State {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, wait, |state| state.version <= version);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// A run that is watched.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    address: String,
}

impl Watch {
    /// Answers on `port` of this machine (0: a free one) from now on.
    ///
    /// # Errors
    /// A port that is taken.
    pub(crate) fn start(port: u16, name: &str, network: Option<String>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("--watch: cannot listen on 127.0.0.1:{port}"))?;
        let address = format!("http://{}/", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        shared.change(|state| (state.name, state.network) = (name.to_owned(), network.unwrap_or_default()));
        let answering = shared.clone();
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || http::answer_all(&listener, &answering))?;
        Ok(Self { shared, address })
    }

    /// Where the page is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Tells the pages that the run has ended, and gives them a moment to read it.
    pub(crate) fn done(&self, text: &str) {
        self.shared.change(|state| state.ended = Some(text.to_owned()));
        let open = || Arc::strong_count(&self.shared) > 2;
        for _ in 0..20 {
            if !open() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Progress for Watch {
    fn step(&mut self, report: &StepReport) {
        self.shared.change(|state| state.step(report));
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.shared.change(|state| state.epoch(report));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn report(epoch: usize) -> EpochReport {
        EpochReport {
            epoch,
            loss: 0.5,
            auc: 0.75,
            valid_loss: 0.625,
            valid_auc: 0.7,
            samples_per_s: 1000.0,
            elapsed_s: 2.0,
            best: true,
            ..EpochReport::default()
        }
    }

    fn ask(watch: &Watch, path: &str) -> String {
        let host = watch
            .address()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_page_shows_what_was_told_and_events_end_with_the_run() {
        let mut watch = Watch::start(0, "a <model>", None).unwrap();
        watch.step(&StepReport {
            epoch: 1,
            samples: 50,
            total: 100,
            loss: 0.6,
            auc: 0.7,
            samples_per_s: 2000.0,
            eta_s: 61.0,
        });
        watch.epoch(&report(1));
        let page = ask(&watch, "/");
        assert!(
            page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("a &lt;model&gt;"),
            "{page}"
        );
        assert!(
            page.contains("<svg") && page.contains("0.6250") && page.contains("1 min 1 s"),
            "{page}"
        );
        assert!(ask(&watch, "/watch.js").contains("EventSource"));
        assert!(ask(&watch, "/etc/passwd").starts_with("HTTP/1.1 404"));
        let events = std::thread::scope(|scope| {
            let events = scope.spawn(|| ask(&watch, "/events"));
            while Arc::strong_count(&watch.shared) < 3 {
                std::thread::yield_now();
            }
            watch.done("best epoch 1");
            events.join().unwrap()
        });
        assert!(
            events.contains("text/event-stream") && events.contains("data: \""),
            "{events}"
        );
        assert!(
            events.contains("best epoch 1") && events.contains("event: end"),
            "{events}"
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let watch = Watch::start(0, "m", None).unwrap();
        let host = watch
            .address()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        for bytes in [&b"\r\n\r\n"[..], b"POST / HTTP/1.1\r\n\r\n", &[0xff; 9000]] {
            let mut stream = TcpStream::connect(&host).unwrap();
            stream.write_all(bytes).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).ok();
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
                "{answer:?}"
            );
        }
        assert!(ask(&watch, "/").contains("waiting for the first samples"));
    }
}
