//! Where requests are worked on: a CPU pool and blocking threads, both behind one set of permits.
//!
//! Async handlers hand a closure over and wait for its answer. The decision: admission before queueing. A request
//! that finds no permit is refused at once with 429 instead of joining a queue whose end nobody waits for; a permit
//! is given back when the work ends, not when the client gives up.

use crate::error::ApiError;
use rayon::ThreadPool;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A bounded pool.
pub struct Pool {
    threads: ThreadPool,
    permits: Arc<Semaphore>,
    bound: usize,
    deadline: Duration,
}

impl Pool {
    /// A pool of `threads` (0: one per core) that admits `permits` requests and waits `deadline` for each.
    ///
    /// # Errors
    /// The reason why no thread could be started.
    pub fn new(threads: usize, permits: usize, deadline: Duration) -> Result<Self, String> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("compute-{n}"))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Pool {
            threads,
            permits: Arc::new(Semaphore::new(permits)),
            bound: permits,
            deadline,
        })
    }

    /// Runs `work` on the CPU pool.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] at once, [`ApiError::Deadline`], [`ApiError::Internal`] where it panicked, or its own.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.admit()?;
        let (sender, receiver) = oneshot::channel();
        self.threads.spawn(move || finish(permit, sender, work));
        self.wait(receiver).await
    }

    /// Runs `work` that waits for a disk or a network on a thread of its own.
    ///
    /// # Errors
    /// As [`Pool::compute`].
    pub async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.admit()?;
        let (sender, receiver) = oneshot::channel();
        tokio::task::spawn_blocking(move || finish(permit, sender, work));
        self.wait(receiver).await
    }

    /// Requests at work and the number of permits.
    pub fn load(&self) -> (usize, usize) {
        (
            self.bound - self.permits.available_permits().min(self.bound),
            self.bound,
        )
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.permits
            .clone()
            .try_acquire_owned()
            .map_err(|_| ApiError::Overloaded { permits: self.bound })
    }

    async fn wait<T>(&self, receiver: oneshot::Receiver<Result<T, ApiError>>) -> Result<T, ApiError> {
        match tokio::time::timeout(self.deadline, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ApiError::Internal {
                cause: "the work was dropped".to_owned(),
            }),
            Err(_) => {
                let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
                Err(ApiError::Deadline { deadline_ms })
            }
        }
    }
}

/// Runs the work, turning a panic into an answer; the permit is released before the answer is sent, so that a client
/// that has its answer finds a permit.
fn finish<T>(
    permit: OwnedSemaphorePermit,
    sender: oneshot::Sender<Result<T, ApiError>>,
    work: impl FnOnce() -> Result<T, ApiError>,
) {
    let answer = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)));
    drop(permit);
    // a client that has left does not receive: that is no fault
    sender.send(answer).ok();
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("unknown"), "a request panicked");
    ApiError::Internal {
        cause: "a fault in the server, see its log".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn pool(permits: usize, deadline_ms: u64) -> Pool {
        Pool::new(2, permits, Duration::from_millis(deadline_ms)).unwrap()
    }

    #[tokio::test]
    async fn work_is_answered_from_both_kinds_of_thread() {
        let pool = pool(2, 60_000);
        assert_eq!(pool.compute(|| Ok(1)).await, Ok(1));
        assert_eq!(pool.block(|| Ok(2)).await, Ok(2));
        assert_eq!(pool.load(), (0, 2));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_request_more_than_permits_is_refused_at_once() {
        let pool = Arc::new(pool(1, 60_000));
        let (release, wait) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.compute(move || {
                    started.send(()).ok();
                    wait.recv().ok();
                    Ok(())
                })
                .await
            }
        });
        has_started.await.unwrap();
        assert_eq!(
            pool.compute(|| Ok(())).await,
            Err(ApiError::Overloaded { permits: 1 })
        );
        release.send(()).unwrap();
        assert_eq!(busy.await.unwrap(), Ok(()));
        assert_eq!(pool.compute(|| Ok(())).await, Ok(()));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_gives_its_permit_back() {
        let pool = pool(1, 60_000);
        let answer = pool.compute::<()>(|| panic!("oops")).await;
        assert!(matches!(answer, Err(ApiError::Internal { .. })));
        assert_eq!(pool.compute(|| Ok(3)).await, Ok(3));
    }

    #[tokio::test]
    async fn work_beyond_the_deadline_keeps_its_permit_until_it_ends() {
        let pool = pool(1, 20);
        let (release, wait) = mpsc::channel::<()>();
        let late = pool
            .compute(move || {
                wait.recv().ok();
                Ok(())
            })
            .await;
        assert_eq!(late, Err(ApiError::Deadline { deadline_ms: 20 }));
        assert_eq!(pool.load().0, 1);
        release.send(()).unwrap();
    }
}
