//! Wakes the loader: by the file system's notices where they work, by the clock where they do not.
//!
//! The decision here: notices only shorten the wait. The poll is what correctness rests on, so a network file system
//! without notices, or a machine out of watches, is slower and nothing else.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// How long a burst of notices is gathered before one look.
const SETTLE: Duration = Duration::from_millis(10);

/// What may wake the loader.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something changed on disk.
    Changed,
    /// The dictionary is going away.
    Stop,
}

/// The loader's alarm clock.
pub(crate) struct Alarm {
    path: PathBuf,
    poll: Duration,
    use_notices: bool,
    watcher: Option<RecommendedWatcher>,
    sender: Sender<Wake>,
    receiver: Receiver<Wake>,
}

impl Alarm {
    /// An alarm over `path`, ringing at least every `poll`.
    pub(crate) fn new(path: &Path, poll: Duration, use_notices: bool) -> Self {
        let (sender, receiver) = channel();
        Self {
            path: path.to_path_buf(),
            poll,
            use_notices,
            watcher: None,
            sender,
            receiver,
        }
    }

    /// The other end, to stop the loader.
    pub(crate) fn stopper(&self) -> Sender<Wake> {
        self.sender.clone()
    }

    /// Waits for a notice or the poll interval; false says stop.
    pub(crate) fn wait(&mut self) -> bool {
        self.arm();
        match self.receiver.recv_timeout(self.poll) {
            Ok(Wake::Changed) => self.gather(),
            Err(RecvTimeoutError::Timeout) => true,
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Lets a burst pass, so that one copy of many files is one look.
    fn gather(&self) -> bool {
        loop {
            match self.receiver.recv_timeout(SETTLE) {
                Ok(Wake::Changed) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Asks for notices as soon as the folder exists; a folder that vanished is asked for again.
    fn arm(&mut self) {
        if !self.path.exists() {
            self.watcher = None;
        } else if self.use_notices && self.watcher.is_none() {
            self.watcher = self.subscribe();
            self.use_notices = self.watcher.is_some();
        }
    }

    fn subscribe(&self) -> Option<RecommendedWatcher> {
        let sender = self.sender.clone();
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|e| changes_content(e.kind)) {
                // A closed channel means the loader has gone; there is nobody to tell.
                drop(sender.send(Wake::Changed));
            }
        };
        let made = notify::recommended_watcher(on_event)
            .and_then(|mut w| w.watch(&self.path, RecursiveMode::Recursive).map(|()| w));
        made.inspect_err(
            |fault| tracing::warn!(path = %self.path.display(), %fault, "no file notices, polling only"),
        )
        .ok()
    }
}

/// Reading is reported too; our own loads must not wake us.
fn changes_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far beyond any test's patience: a wake-up within it is a notice's doing.
    const NEVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_change_wakes_without_the_poll() {
        let folder = tempfile::tempdir().unwrap();
        let mut alarm = Alarm::new(folder.path(), NEVER, true);
        alarm.arm();
        std::fs::create_dir(folder.path().join("1")).unwrap();
        assert!(alarm.wait());
    }

    #[test]
    fn stopping_wins_over_a_burst() {
        let folder = tempfile::tempdir().unwrap();
        let mut alarm = Alarm::new(folder.path(), NEVER, false);
        let stopper = alarm.stopper();
        stopper.send(Wake::Changed).unwrap();
        stopper.send(Wake::Stop).unwrap();
        assert!(!alarm.wait());
    }

    #[test]
    fn the_poll_rings_over_a_folder_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut alarm = Alarm::new(&folder.path().join("none"), Duration::from_millis(1), true);
        assert!(alarm.wait());
    }

    #[test]
    fn reading_is_no_change() {
        assert!(!changes_content(EventKind::Access(AccessKind::Open(
            AccessMode::Read
        ))));
        assert!(changes_content(EventKind::Access(AccessKind::Close(
            AccessMode::Write
        ))));
        assert!(changes_content(EventKind::Create(
            notify::event::CreateKind::Folder
        )));
    }
}
