//! Fifty versions published in a minute of load: no request fails, every answer comes wholly from one version, and
//! nothing of an old version stays in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rankine_model::Artefact;

use crate::artefact::{Batch, newest, predictions, published, scaled};
use crate::home::{home, wait_until};
use crate::process::{Client, Server};

/// Versions that are published.
const PUBLISHES: u64 = 50;
/// Length of the load.
const LOAD: Duration = Duration::from_secs(60);
/// The model that is reloaded.
const MODEL: &str = "widedeep";

/// Different answers in the order in which they first came, and how many requests there were.
#[derive(Default)]
struct Seen<T> {
    answers: Vec<T>,
    requests: u64,
}

impl<T: PartialEq> Seen<T> {
    fn saw(&mut self, answer: T) {
        self.requests += 1;
        if self.answers.last() != Some(&answer) {
            self.answers.push(answer);
        }
    }
}

#[test]
fn fifty_publishes_under_a_minute_of_load_fail_no_request_and_mix_no_versions() {
    let home = home();
    let first = newest(home.path(), MODEL);
    let batch = Batch::golden(&first);
    let body = batch.body(first.plan().unwrap());
    let server = Server::on(home.path());
    let done = AtomicBool::new(false);
    let mut expected = vec![batch.scores(&first)];
    let (scores, lists) = std::thread::scope(|scope| {
        let predicting = scope.spawn(|| predict_until(&done, server.rest(), &body));
        let asking = scope.spawn(|| recommend_until(&done, server.site()));
        let begun = Instant::now();
        for number in 1..=PUBLISHES {
            std::thread::sleep((LOAD / 50 * u32::try_from(number).unwrap()).saturating_sub(begun.elapsed()));
            expected.push(batch.scores(&publish(home.path(), &first, number)));
            serves(&server, number + 1);
        }
        std::thread::sleep(LOAD.saturating_sub(begun.elapsed()));
        done.store(true, Ordering::Relaxed);
        (predicting.join().unwrap(), asking.join().unwrap())
    });
    each_is_one_of(&scores, &expected);
    versions_ascend(&lists);
    only_the_newest_is_mapped(&server, PUBLISHES + 1);
    let status = server.model_status(MODEL);
    assert_eq!(
        (&status["version"], &status["error"]),
        (&(PUBLISHES + 1).into(), &serde_json::Value::Null)
    );
}

fn publish(home: &Path, first: &Artefact, number: u64) -> Artefact {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let factor = 1.0 - 0.004 * number as f32;
    published(&home.join("models"), &scaled(first, factor))
}

/// Waits until both ports answer with a version.
fn serves(server: &Server, version: u64) {
    let text = version.to_string();
    wait_until(&format!("version {version}"), || {
        let status = server.rest().get(&format!("/v1/models/{MODEL}")).good();
        status["model_version_status"][0]["version"] == text.as_str()
    });
    wait_until(&format!("version {version} on the site"), || {
        server.site().recommend(6, MODEL, 1)[0]["modelVersion"] == version
    });
}

/// Bits of the scores of one batch, again and again, once more when it is done.
fn predict_until(done: &AtomicBool, client: &Client, body: &str) -> Seen<Vec<u32>> {
    let mut seen = Seen::default();
    let mut last = false;
    while !last {
        last = done.load(Ordering::Relaxed);
        let answer = client.post(&format!("/v1/models/{MODEL}:predict"), body);
        seen.saw(predictions(&answer.good()));
    }
    seen
}

/// Versions named in lists of recommendations; one list must name one.
fn recommend_until(done: &AtomicBool, client: &Client) -> Seen<u64> {
    let mut seen = Seen::default();
    for user in (1..=671).cycle() {
        let last = done.load(Ordering::Relaxed);
        let answer = client.get(&format!("/getrecforyou?id={user}&size=20&model={MODEL}"));
        let films = answer.good();
        let films = films.as_array().unwrap();
        let version = films[0]["modelVersion"].as_u64().unwrap();
        assert!(
            films.iter().all(|film| film["modelVersion"] == version),
            "{}",
            answer.text
        );
        assert_eq!(
            answer.header("x-rankine-version"),
            Some(version.to_string().as_str())
        );
        seen.saw(version);
        if last {
            break;
        }
    }
    seen
}

/// Every answer is that of one version, and versions come in their order, the last one last.
fn each_is_one_of(seen: &Seen<Vec<u32>>, expected: &[Vec<u32>]) {
    let known: BTreeMap<&Vec<u32>, usize> = expected.iter().zip(1..).collect();
    assert_eq!(
        known.len(),
        expected.len(),
        "two versions score alike; the test could not tell them apart"
    );
    let versions: Vec<Option<&usize>> = seen.answers.iter().map(|answer| known.get(answer)).collect();
    assert!(
        versions.iter().all(Option::is_some),
        "an answer of no version: {versions:?}"
    );
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!(versions.last(), Some(&Some(&expected.len())));
    assert!(seen.requests > 500, "{} requests are no load", seen.requests);
}

fn versions_ascend(seen: &Seen<u64>) {
    assert!(seen.answers.is_sorted(), "{:?}", seen.answers);
    assert_eq!(seen.answers.last(), Some(&(PUBLISHES + 1)));
    assert!(seen.requests > 200, "{} requests are no load", seen.requests);
}

/// Old generations are unmapped once their last reader left.
fn only_the_newest_is_mapped(server: &Server, version: u64) {
    let maps = format!("/proc/{}/maps", server.id());
    let newest = format!("models/{MODEL}/{version}/weights.safetensors");
    wait_until("old generations to go", || {
        let maps = std::fs::read_to_string(&maps).unwrap();
        let mut mapped = maps
            .lines()
            .filter(|line| line.contains(&format!("models/{MODEL}/")))
            .peekable();
        mapped.peek().is_some() && mapped.all(|line| line.ends_with(&newest))
    });
}
