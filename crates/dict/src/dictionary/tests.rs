//! A dictionary of small text files: swaps, failures, retries, releases, under readers.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;
use crate::parser::LoadFault;

/// A value that counts how many of its kind are alive.
struct Counted {
    text: String,
    alive: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Complete files end in `.`; anything else is a copy under way.
fn counting_parser(alive: &Arc<AtomicUsize>) -> impl Parser<Output = Counted> + use<> {
    let alive = Arc::clone(alive);
    move |candidate: &Candidate| -> Result<Counted, LoadFault> {
        let text = fs::read_to_string(candidate.path.join("text"))?;
        assert!(!text.starts_with("panic"), "asked to panic");
        if !text.ends_with('.') {
            return Err("text does not end in a full stop".into());
        }
        alive.fetch_add(1, Ordering::SeqCst);
        Ok(Counted {
            text,
            alive: Arc::clone(&alive),
        })
    }
}

fn write(folder: &Path, version: &str, text: &str) {
    fs::create_dir_all(folder.join(version)).unwrap();
    fs::write(folder.join(version).join("text"), text).unwrap();
}

/// Never polls by itself: tests call `reload`.
fn by_hand() -> Options {
    Options {
        poll: Duration::from_secs(3600),
        notices: false,
        ..Options::new(|| 42)
    }
}

fn open(folder: &Path, options: Options) -> (Dictionary<Counted>, Arc<AtomicUsize>) {
    let alive = Arc::new(AtomicUsize::new(0));
    let parser = counting_parser(&alive);
    (
        Dictionary::open("text", Source::Versions(folder.into()), options, parser).unwrap(),
        alive,
    )
}

fn serving(dictionary: &Dictionary<Counted>) -> (u64, String) {
    let generation = dictionary.snapshot().unwrap();
    (generation.version, generation.value.text.clone())
}

#[test]
fn the_highest_number_serves() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "9", "nine.");
    write(folder.path(), "10", "ten.");
    let (dictionary, _) = open(folder.path(), by_hand());
    assert_eq!(serving(&dictionary), (10, "ten.".into()));
    let status = dictionary.status();
    assert_eq!(
        (status.generation, status.version, status.loaded_at, status.loads),
        (1, Some(10), 42, 1)
    );
}

#[test]
fn nothing_there_is_told_and_the_first_version_serves() {
    let folder = tempfile::tempdir().unwrap();
    let (dictionary, _) = open(&folder.path().join("later"), by_hand());
    assert!(dictionary.snapshot().is_none());
    assert!(matches!(dictionary.reload(), Err(DictError::Empty { .. })));
    write(&folder.path().join("later"), "1", "one.");
    assert!(dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary), (1, "one.".into()));
}

#[test]
fn a_half_copied_version_never_serves_and_is_retried_once_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let (dictionary, _) = open(folder.path(), by_hand());
    write(folder.path(), "2", "tw");
    assert!(matches!(
        dictionary.reload(),
        Err(DictError::Refused { version: 2, .. })
    ));
    assert_eq!(serving(&dictionary), (1, "one.".into()));
    let status = dictionary.status();
    assert_eq!(status.failures, 1);
    assert!(
        status.error.as_ref().unwrap().message.contains("full stop"),
        "{status:?}"
    );

    assert!(!dictionary.reload().unwrap(), "unchanged: not tried again");
    assert_eq!(dictionary.status().failures, 1);

    write(folder.path(), "2", "two.");
    assert!(dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary), (2, "two.".into()));
    assert_eq!(dictionary.status().error, None);
}

#[test]
fn below_a_damaged_version_the_next_best_serves() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "3", "three.");
    write(folder.path(), "4", "fou");
    let (dictionary, _) = open(folder.path(), by_hand());
    assert_eq!(serving(&dictionary), (3, "three.".into()));
    assert_eq!(dictionary.status().error.unwrap().version, 4);
    fs::remove_dir_all(folder.path().join("4")).unwrap();
    assert!(!dictionary.reload().unwrap());
    assert_eq!(
        dictionary.status().error,
        None,
        "what vanished is no longer a fault"
    );
}

#[test]
fn a_panicking_parser_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let (dictionary, _) = open(folder.path(), by_hand());
    write(folder.path(), "2", "panic.");
    let fault = dictionary.reload().unwrap_err();
    assert!(
        matches!(&fault, DictError::Panicked { message, .. } if message.contains("asked to")),
        "{fault}"
    );
    assert_eq!(serving(&dictionary).0, 1);
}

#[test]
fn removing_the_serving_version_goes_back_and_removing_all_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    write(folder.path(), "2", "two.");
    let (dictionary, _) = open(folder.path(), by_hand());
    fs::remove_dir_all(folder.path().join("2")).unwrap();
    assert!(dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary).0, 1);
    fs::remove_dir_all(folder.path().join("1")).unwrap();
    assert!(!dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary).0, 1);
}

#[test]
fn a_pinned_source_ignores_other_versions() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    write(folder.path(), "2", "two.");
    let parser = counting_parser(&Arc::default());
    let source = Source::Pinned(folder.path().into(), 1);
    let dictionary = Dictionary::open("pinned", source, by_hand(), parser).unwrap();
    assert_eq!(serving(&dictionary).0, 1);
    write(folder.path(), "3", "three.");
    assert!(!dictionary.reload().unwrap());
}

#[test]
fn a_file_renamed_over_is_a_new_generation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words");
    fs::write(&path, "a").unwrap();
    let read = |c: &Candidate| -> Result<String, LoadFault> { Ok(fs::read_to_string(&c.path)?) };
    let dictionary = Dictionary::open("words", Source::File(path.clone()), by_hand(), read).unwrap();
    fs::write(folder.path().join("next"), "b").unwrap();
    fs::rename(folder.path().join("next"), &path).unwrap();
    assert!(dictionary.reload().unwrap());
    let generation = dictionary.snapshot().unwrap();
    assert_eq!((generation.number, generation.value.as_str()), (2, "b"));
}

#[test]
fn the_old_generation_is_freed_when_its_last_reader_leaves() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let (dictionary, alive) = open(folder.path(), by_hand());
    let (first, second) = (dictionary.snapshot(), dictionary.snapshot());
    write(folder.path(), "2", "two.");
    dictionary.reload().unwrap();
    assert_eq!(
        (alive.load(Ordering::SeqCst), dictionary.status().old_generations),
        (2, 1)
    );
    drop(first);
    assert_eq!(alive.load(Ordering::SeqCst), 2, "one reader is left");
    assert_eq!(
        second.as_ref().unwrap().value.text,
        "one.",
        "and still reads the old text"
    );
    drop(second);
    assert_eq!(
        (alive.load(Ordering::SeqCst), dictionary.status().old_generations),
        (1, 0)
    );
    drop(dictionary);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

/// Waits for the loader thread; bounded so that a fault fails the test rather than hanging it.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never happened: {what}");
}

#[test]
fn poll_alone_and_notices_alone_each_find_a_version() {
    for (poll, notices) in [
        (Duration::from_millis(5), false),
        (Duration::from_secs(3600), true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "1", "one.");
        let (dictionary, _) = open(
            folder.path(),
            Options {
                poll,
                notices,
                ..Options::new(|| 0)
            },
        );
        let made = AtomicUsize::new(2);
        // Notices only start once the loader thread has asked for them; publishing until one is seen covers that.
        wait_until("a newer version serves", || {
            let version = made.fetch_add(1, Ordering::SeqCst);
            write(folder.path(), &version.to_string(), "more.");
            serving(&dictionary).0 > 1
        });
    }
}

#[test]
fn readers_see_whole_generations_while_versions_pour_in() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "1.");
    let (dictionary, alive) = open(
        folder.path(),
        Options {
            poll: Duration::from_millis(1),
            ..Options::new(|| 0)
        },
    );
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| read_until(&dictionary, &stop)))
            .collect();
        for version in 2..=40u64 {
            let text = if version % 5 == 0 {
                "damaged".to_owned()
            } else {
                format!("{version}.")
            };
            let aside = folder.path().join(".aside");
            write(&aside, "x", &text);
            fs::rename(aside.join("x"), folder.path().join(version.to_string())).unwrap();
            if version % 5 != 0 {
                wait_until("it serves", || serving(&dictionary).0 == version);
            }
        }
        stop.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    wait_until("all old ones are freed", || alive.load(Ordering::SeqCst) == 1);
}

/// Every snapshot's text belongs to its version, and versions never go back.
fn read_until(dictionary: &Dictionary<Counted>, stop: &AtomicBool) -> usize {
    let (mut reads, mut highest) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        let generation = dictionary.snapshot().unwrap();
        assert_eq!(generation.value.text, format!("{}.", generation.version));
        assert!(generation.version >= highest);
        highest = generation.version;
        reads += 1;
    }
    reads
}

#[test]
fn a_pin_rolls_back_and_its_removal_rolls_forward() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    write(folder.path(), "2", "two.");
    let (dictionary, _) = open(folder.path(), by_hand());
    assert_eq!(serving(&dictionary).0, 2);
    crate::pin::pin(folder.path(), 1).unwrap();
    assert!(dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary), (1, "one.".into()));
    write(folder.path(), "3", "three.");
    assert!(!dictionary.reload().unwrap(), "pinned: what is published waits");
    crate::pin::unpin(folder.path()).unwrap();
    assert!(dictionary.reload().unwrap());
    assert_eq!(serving(&dictionary).0, 3);
}

#[test]
fn a_pin_that_leads_nowhere_changes_nothing_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let (dictionary, _) = open(folder.path(), by_hand());
    crate::pin::pin(folder.path(), 7).unwrap();
    for _ in 0..3 {
        assert!(matches!(
            dictionary.reload(),
            Err(DictError::Pinned { version: 7, .. })
        ));
    }
    fs::write(folder.path().join("pin"), "x").unwrap();
    assert!(matches!(dictionary.reload(), Err(DictError::Scan { .. })));
    assert_eq!((serving(&dictionary).0, dictionary.status().failures), (1, 2));
    crate::pin::unpin(folder.path()).unwrap();
    assert!(!dictionary.reload().unwrap());
    assert_eq!(dictionary.status().error, None);
}

#[test]
fn what_waits_for_something_else_is_tried_at_every_look_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "12345").unwrap();
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ready);
    let parser = move |_: &Candidate| -> Result<(), LoadFault> {
        let message = "the moon".to_owned();
        if seen.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(Box::new(crate::Waiting { message }))
        }
    };
    let source = Source::File(folder.path().join("file"));
    let dictionary = Dictionary::open("waits", source, by_hand(), parser).unwrap();
    for _ in 0..3 {
        assert!(matches!(dictionary.reload(), Err(DictError::Waits { .. })));
    }
    assert_eq!(dictionary.status().failures, 1);
    ready.store(true, Ordering::SeqCst);
    assert!(dictionary.reload().unwrap());
    let status = dictionary.status();
    assert_eq!((status.error, status.bytes), (None, 5));
}

#[test]
fn readers_of_old_generations_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let (dictionary, _) = open(folder.path(), by_hand());
    let readers = [dictionary.snapshot(), dictionary.snapshot()];
    write(folder.path(), "2", "two.");
    dictionary.reload().unwrap();
    let status = dictionary.status();
    assert_eq!((status.old_generations, status.old_readers), (1, 2));
    drop(readers);
    assert_eq!(dictionary.status().old_readers, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_loader_lets_threads_that_answer_go_first() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", "one.");
    let niceness = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&niceness);
    let parser = move |candidate: &Candidate| -> Result<String, LoadFault> {
        let thread = fs::read_to_string("/proc/thread-self/stat")?;
        let behind_name = thread.rsplit(')').next().unwrap();
        let nice = behind_name.split_ascii_whitespace().nth(16).unwrap();
        lock(&seen).push(nice.parse::<i32>().unwrap());
        Ok(fs::read_to_string(candidate.path.join("text"))?)
    };
    let options = Options {
        poll: Duration::from_millis(5),
        ..by_hand()
    };
    let dictionary =
        Dictionary::open("text", Source::Versions(folder.path().into()), options, parser).unwrap();
    write(folder.path(), "2", "two.");
    let begun = Instant::now();
    while dictionary.snapshot().unwrap().version < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "version 2 never came");
        std::thread::sleep(Duration::from_millis(2));
    }
    let (own, seen) = (rustix::process::nice(0).unwrap(), lock(&niceness).clone());
    assert_eq!(seen.first(), Some(&own), "the first load is waited for");
    assert_eq!(seen.last(), Some(&(own + COURTESY).min(19)));
}
