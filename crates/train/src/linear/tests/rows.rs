//! Which keys have rows: those seen often enough, and those that trainings go on using.

use super::going_on::{begun, restored, start};
use super::*;

/// The lines with an id in every fiftieth that stands in three lines, or without it.
fn with_rare(lines: &str, there: bool) -> String {
    let changed = lines.lines().enumerate().map(|(at, line)| {
        if at % 50 != 0 {
            return line.to_owned();
        }
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if there {
            words[1] = format!("0:rare{}:1", at / 150);
        } else {
            words.remove(1);
        }
        words.join(" ")
    });
    changed.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn rare_signs_are_as_if_the_slot_were_empty() {
    let bench = Bench::new(1);
    let text = lines(4500, 1);
    let train = "train = { epochs = 2 }";
    for (kind, linear) in [
        ("lr", ""),
        ("fm", ", k = 2"),
        ("fm", ", k = 2, missing = false"),
        ("ffm", ", k = 2"),
    ] {
        let of = |there: bool, least: u32| {
            std::fs::write(bench.path("train.ffm"), with_rare(&text, there)).unwrap();
            let linear = format!("{linear}, min_count = {least}");
            bench.train(&bench.config(kind, &linear, train), "m").unwrap()
        };
        let (rare, without) = (of(true, 4), of(false, 1));
        assert_eq!(rare.table_rows, without.table_rows, "{kind}{linear}");
        assert_eq!(weights(&rare), weights(&without), "{kind}{linear}");
        let losses = |t: &Trained| {
            t.history
                .iter()
                .map(|r| (r.loss, r.valid_loss))
                .collect::<Vec<_>>()
        };
        assert_eq!(losses(&rare), losses(&without));
        let (often, all) = (of(true, 3), of(true, 1));
        assert_eq!(
            all.table_rows[0].1, often.table_rows[0].1,
            "three times is often enough"
        );
        assert_eq!(weights(&often), weights(&all), "{kind}{linear}");
        assert!(all.table_rows[0].1 >= rare.table_rows[0].1 + 29);
    }
}

#[test]
fn rare_signs_are_served_as_they_were_learnt() {
    let bench = Bench::new(1);
    std::fs::write(bench.path("train.ffm"), with_rare(&lines(4500, 1), true)).unwrap();
    std::fs::write(bench.path("valid.ffm"), with_rare(&lines(900, 2), true)).unwrap();
    let config = bench.config("fm", ", k = 2, min_count = 4", "train = { epochs = 1 }");
    let trained = bench.train(&config, "m").unwrap();
    let served = bench.served(&config, &trained);
    assert!((served - trained.history[0].valid_loss).abs() < 1e-5);
}

#[test]
fn a_kept_cache_and_several_threads_have_the_same_rows() {
    let bench = Bench::new(1);
    std::fs::write(bench.path("train.ffm"), with_rare(&lines(4500, 1), true)).unwrap();
    let of = |train: &str, name: &str| {
        let train = format!("train = {{ epochs = 2, {train} }}");
        let config = bench.config("fm", ", k = 2, min_count = 4, expire = 1", &train);
        bench.train(&config, name).unwrap()
    };
    let (run, written) = (of("", "a"), of("cache = \"keep\"", "b"));
    let read = of("cache = \"keep\"", "b");
    assert_eq!(weights(&run), weights(&written));
    assert_eq!(weights(&run), weights(&read), "rows of a kept cache are in use");
    let threads = of("threads = 2", "c");
    assert_eq!(run.table_rows, threads.table_rows);
}

#[test]
fn rows_of_an_earlier_version_stay_until_trainings_in_a_row_leave_them_alone() {
    let bench = Bench::new(1);
    let text = lines(1000, 1);
    let (all, less) = (with_rare(&text, true), with_rare(&text, false));
    for rule in ["{ kind = \"sgd\" }", "{ kind = \"ftrl\" }"] {
        let more = format!("optimizer.linear = {rule}\ntrain = {{ epochs = 1, keep_optimizer = true }}");
        let rows = |least: u32, expire: &str| {
            let linear = format!(", k = 2, min_count = {least}{expire}");
            bench.config("fm", &linear, &more)
        };
        std::fs::write(bench.path("train.ffm"), &all).unwrap();
        let mut last = bench.train(&rows(1, ", expire = 2"), "m").unwrap();
        let mut seen = vec![last.table_rows[0].1];
        // the rows of seven ids that come three times are inherited, however rare they are now
        let config = rows(4, ", expire = 2");
        for text in [&less, &all, &less, &less] {
            std::fs::write(bench.path("train.ffm"), text).unwrap();
            last = begun(&bench, &config, &start(&bench, &config, &last)).unwrap();
            seen.push(last.table_rows[0].1);
            let state = last.optimizer.as_ref().unwrap();
            assert!(
                state
                    .tables
                    .values()
                    .all(|table| table.len() == last.table_rows[0].1)
            );
            assert_eq!(restored(&last).optimizer, rule.contains("ftrl"));
            assert!(restored(&last).anew.is_empty());
        }
        // one empty slot more than in the first training
        let most = seen[0] + 1;
        assert_eq!(seen, [most - 1, most, most, most, most - 7], "{rule}");
    }
}
