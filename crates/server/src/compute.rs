//! Where requests are worked on: threads that may block, behind one set of permits.
//!
//! Async handlers hand a closure over and wait for its answer. Two decisions. Admission before queueing: a request
//! that finds no permit is refused at once with 429 instead of joining a queue whose end nobody waits for; a permit
//! is given back when the work ends, not when the client gives up. And no request runs on a worker of a CPU pool: a
//! worker that waits for another pool takes up the next request meanwhile, and the first one is answered after it.
//! Work enters the pools by `install`; as many requests compute at once as there are threads, in the order they came.

use crate::error::ApiError;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};

/// Bounded threads.
pub struct Pool {
    permits: Arc<Semaphore>,
    bound: usize,
    /// One per request that computes; given in the order of asking.
    turns: Arc<Semaphore>,
    deadline: Duration,
}

impl Pool {
    /// Computes `threads` requests at once, admits `permits` and waits `deadline` for each.
    pub fn new(threads: usize, permits: usize, deadline: Duration) -> Self {
        Pool {
            permits: Arc::new(Semaphore::new(permits)),
            bound: permits,
            turns: Arc::new(Semaphore::new(threads.max(1))),
            deadline,
        }
    }

    /// Runs `work` that computes, when its turn comes.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] at once, [`ApiError::Deadline`], [`ApiError::Internal`] where it panicked, or its own.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.admit()?;
        let turns = self.turns.clone();
        self.in_time(async move {
            let turn = turns.acquire_owned().await;
            run((permit, turn), work).await
        })
        .await
    }

    /// Runs `work` that waits for a disk or a network, beside those that compute.
    ///
    /// # Errors
    /// As [`Pool::compute`].
    pub async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.admit()?;
        self.in_time(run(permit, work)).await
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

    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let late = |_| {
            let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
            Err(ApiError::Deadline { deadline_ms })
        };
        tokio::time::timeout(self.deadline, answer)
            .await
            .unwrap_or_else(late)
    }
}

/// Runs the work to its end, whether or not the client waits for it, turning a panic into an answer. What is held is
/// released before the answer is sent, so that a client that has its answer finds a permit.
async fn run<T: Send + 'static>(
    held: impl Send + 'static,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let work = move || {
        let answer = work();
        drop(held);
        answer
    };
    spawn_blocking(work)
        .await
        .unwrap_or_else(|fault| Err(not_ended(fault)))
}

fn not_ended(fault: JoinError) -> ApiError {
    match fault.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        Err(_) => ApiError::Internal {
            cause: "the work was dropped".to_owned(),
        },
    }
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
    use std::sync::{Mutex, mpsc};
    use tokio::sync::oneshot;

    fn pool(permits: usize, deadline_ms: u64) -> Pool {
        Pool::new(2, permits, Duration::from_millis(deadline_ms))
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

    #[tokio::test]
    async fn no_request_runs_on_a_worker_of_a_cpu_pool() {
        let pool = pool(2, 60_000);
        let worker = || Ok(rayon::current_thread_index());
        assert_eq!(pool.compute(worker).await, Ok(None));
        assert_eq!(pool.block(worker).await, Ok(None));
    }

    /// A worker of a pool that waited for another pool took up the next request and answered the first one after it.
    #[tokio::test]
    async fn a_request_that_waits_for_another_pool_is_not_held_up_by_the_next() {
        let pool = Pool::new(1, 3, Duration::from_secs(60));
        let other = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (release, wait) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let ended = ended.clone();
            move || ended.lock().unwrap().push(name)
        };
        let (first, second, third) = (note("first"), note("second"), note("third"));
        let first = pool.compute(move || {
            other.install(move || wait.recv().ok());
            first();
            Ok(())
        });
        let later = |note: Box<dyn FnOnce() + Send>| {
            pool.compute(move || {
                note();
                Ok(())
            })
        };
        let beside = async {
            assert_eq!(pool.load().0, 3, "all are admitted, one computes");
            assert!(pool.block(|| Ok(())).await.is_err(), "no permit is left");
            release.send(()).unwrap();
        };
        let answers = tokio::join!(biased; first, later(Box::new(second)), later(Box::new(third)), beside);
        assert_eq!((answers.0, answers.1, answers.2), (Ok(()), Ok(()), Ok(())));
        assert_eq!(*ended.lock().unwrap(), ["first", "second", "third"]);
    }
}
