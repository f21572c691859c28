//! Bounded reading speed: a reload must not take disk and memory bandwidth away from requests.
//!
//! The decision here: a reader that is ahead of its speed sleeps, in steps short enough to be even; it is never slowed
//! down on average below what it is allowed. What is allowed is counted in bytes read, whoever decodes them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes read between two looks at the clock.
const STEP: usize = 256 << 10;

/// How fast one load may read. Counts from its making.
#[derive(Debug)]
pub struct Pace {
    /// Bytes per second; `None` is unbounded.
    speed: Option<f64>,
    spent: u64,
    begun: Instant,
}

impl Pace {
    /// A pace of `mb_s` MiB per second from now on; 0 or less, or what is no number, is unbounded.
    #[must_use]
    pub fn new(mb_s: f64) -> Self {
        let speed = (mb_s.is_finite() && mb_s > 0.0).then_some(mb_s * f64::from(1 << 20));
        Self {
            speed,
            spent: 0,
            begun: Instant::now(),
        }
    }

    /// Counts bytes as read and sleeps until they are allowed.
    pub fn spend(&mut self, bytes: u64) {
        self.spent = self.spent.saturating_add(bytes);
        let ahead = self.due().saturating_sub(self.begun.elapsed());
        if !ahead.is_zero() {
            std::thread::sleep(ahead);
        }
    }

    /// When what is spent so far may have been read, counted from the beginning.
    fn due(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a time needs no more digits")]
        let seconds = self.speed.map_or(0.0, |speed| self.spent as f64 / speed);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// What the system answers.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.pass(path, |step| content.extend_from_slice(step))?;
        Ok(content)
    }

    /// Reads every file of a folder, or one file, and keeps nothing: what is read next comes from memory. For what is
    /// mapped into memory and so cannot be slowed down itself.
    ///
    /// # Errors
    /// What the system answers.
    pub fn warm(&mut self, path: &Path) -> io::Result<()> {
        if self.speed.is_none() {
            return Ok(());
        }
        if !fs::metadata(path)?.is_dir() {
            return self.pass(path, |_| ());
        }
        for entry in fs::read_dir(path)? {
            self.warm(&entry?.path())?;
        }
        Ok(())
    }

    fn pass(&mut self, path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut step = vec![0; STEP];
        loop {
            let read = file.read(&mut step)?;
            if read == 0 {
                return Ok(());
            }
            each(&step[..read]);
            self.spend(u64::try_from(read).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_follows_bytes_and_speed() {
        let mut pace = Pace::new(2.0);
        pace.spent = 3 << 20;
        assert_eq!(pace.due(), Duration::from_millis(1500));
        for unbounded in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut pace = Pace::new(unbounded);
            pace.spent = u64::MAX;
            assert_eq!(pace.due(), Duration::ZERO, "{unbounded}");
        }
    }

    #[test]
    fn reading_is_never_faster_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0u8..=255).cycle().take(600 << 10).collect();
        fs::write(folder.path().join("a"), &content).unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::write(folder.path().join("b/c"), &content).unwrap();
        let mut pace = Pace::new(8.0);
        assert_eq!(pace.read(&folder.path().join("a")).unwrap(), content);
        pace.warm(folder.path()).unwrap();
        assert_eq!(pace.spent, 3 * (600 << 10));
        assert!(pace.begun.elapsed() >= pace.due(), "1.8 MB at 8 MiB/s");
    }
}
