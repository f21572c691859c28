//! One reader, many workers, one writer, results in the order of the jobs.
//!
//! The decision: a bounded number of jobs is under way (the reader takes a token per job, the writer gives it back), so a
//! slow worker, a slow disk or a slow pipe holds the reader up instead of filling memory. One thread needs none of this
//! and runs without it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Jobs under way per worker.
const AHEAD: usize = 4;

/// Runs `next` until it gives none, every job through a worker that `worker` makes, and `take` on the results in the
/// order of their jobs.
///
/// # Errors
/// The first error of `next` (after what came before it is taken) or of `take`.
pub(super) fn ordered<J: Send, D: Send, E: Send, W: FnMut(J) -> D>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<J>, E> + Send,
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(D) -> Result<(), E>,
) -> Result<(), E> {
    if threads <= 1 {
        let mut work = worker();
        while let Some(job) = next()? {
            take(work(job))?;
        }
        return Ok(());
    }
    let (tokens, given_back) = sync_channel::<()>(threads * AHEAD);
    let (jobs, waiting) = channel::<(u64, J)>();
    let (results, made) = channel::<(u64, D)>();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(&mut next, &tokens, &jobs));
        for _ in 0..threads {
            let (results, waiting, worker) = (results.clone(), &waiting, &worker);
            scope.spawn(move || work(worker(), waiting, &results));
        }
        drop(results);
        let taken = in_order(made, given_back, &mut take);
        match reader.join() {
            Ok(read) => taken.and(read),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Hands numbered jobs out, a token each; stops when nobody takes tokens back any more.
fn read<J, E>(
    next: &mut impl FnMut() -> Result<Option<J>, E>,
    tokens: &SyncSender<()>,
    jobs: &Sender<(u64, J)>,
) -> Result<(), E> {
    let mut number = 0;
    while tokens.send(()).is_ok() {
        let Some(job) = next()? else { break };
        if jobs.send((number, job)).is_err() {
            break;
        }
        number += 1;
    }
    Ok(())
}

/// Takes jobs until there are none.
fn work<J, D>(mut work: impl FnMut(J) -> D, waiting: &Mutex<Receiver<(u64, J)>>, results: &Sender<(u64, D)>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, job)) = job else { return };
        if results.send((number, work(job))).is_err() {
            return;
        }
    }
}

/// Takes results in order; a token is given back for each.
fn in_order<D, E>(
    made: Receiver<(u64, D)>,
    tokens: Receiver<()>,
    take: &mut impl FnMut(D) -> Result<(), E>,
) -> Result<(), E> {
    let (mut early, mut next) = (BTreeMap::new(), 0);
    for (number, done) in made {
        early.insert(number, done);
        while let Some(done) = early.remove(&next) {
            take(done)?;
            next += 1;
            // the reader has sent it before the job
            let _ = tokens.recv();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run(threads: usize, jobs: u64, fails: (u64, u64)) -> (Vec<u64>, Result<(), String>) {
        let (mut number, mut taken) = (0, Vec::new());
        let next = || {
            number += 1;
            match number {
                n if n == fails.0 => Err(format!("read {n}")),
                n => Ok((n <= jobs).then_some(n)),
            }
        };
        let worker = || {
            |n: u64| {
                if n.is_multiple_of(7) {
                    thread::sleep(Duration::from_millis(2));
                }
                n * n
            }
        };
        let result = ordered(threads, next, worker, |square| {
            if square == fails.1 * fails.1 {
                return Err(format!("write {square}"));
            }
            taken.push(square);
            Ok(())
        });
        (taken, result)
    }

    #[test]
    fn results_come_in_the_order_of_jobs_with_any_number_of_threads() {
        let expected: Vec<u64> = (1..=100).map(|n| n * n).collect();
        for threads in [0, 1, 2, 5] {
            assert_eq!(run(threads, 100, (0, 0)), (expected.clone(), Ok(())));
        }
        assert_eq!(run(3, 0, (0, 0)), (vec![], Ok(())));
    }

    #[test]
    fn a_failed_reader_or_writer_ends_the_run() {
        for threads in [1, 3] {
            let (taken, result) = run(threads, 100, (50, 0));
            assert_eq!((taken.len(), result), (49, Err("read 50".to_owned())));
            let (taken, result) = run(threads, 1_000_000_000, (0, 60));
            assert_eq!((taken.len(), result), (59, Err("write 3600".to_owned())));
        }
    }

    #[test]
    fn the_reader_waits_for_the_writer() {
        let (mut read, ahead) = (0_u64, std::sync::atomic::AtomicU64::new(0));
        let next = || {
            read += 1;
            ahead.fetch_max(read, std::sync::atomic::Ordering::SeqCst);
            Ok::<_, String>((read <= 1_000).then_some(read))
        };
        let mut most = 0;
        let take = |n: u64| {
            thread::sleep(Duration::from_micros(50));
            most = most.max(ahead.load(std::sync::atomic::Ordering::SeqCst) - n);
            Ok(())
        };
        ordered(2, next, || |n: u64| n, take).unwrap();
        assert!(most <= 2 * AHEAD as u64 + 1, "{most} jobs were under way");
    }
}
