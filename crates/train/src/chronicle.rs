//! The chronicle of a model: a line per training, and per command that changed which version serves, in the model's folder.
//!
//! Flow: `rankine train` and `rankine model rollback` add a line when they are done; `rankine model chronicle` and its page read them.
//! Decision: a version that a gate stopped leaves nothing else behind, so what happened is written down when it happens, figures and all.
//! Lines are only ever appended, each with one write; one that cannot be read is passed over and named, and costs no other.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::metric::Bounds;
use crate::ranking::Verdict;
use crate::warm::Restored;

/// Name of the file in a model's folder.
pub const FILE: &str = "chronicle.jsonl";

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A training came to its end.
    Training(Box<Training>),
    /// A command changed which version serves.
    Serving(Serving),
}

/// A training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// When it ended, microseconds since 1970 UTC.
    pub time: i64,
    /// The version it published; none where the gate stopped it.
    pub version: Option<u64>,
    /// The files it learnt from.
    pub learnt: Vec<String>,
    /// Samples it learnt from.
    pub samples: u64,
    /// Wall seconds of statistics, encoding and training.
    pub seconds: f64,
    /// What it began from, and what became of that.
    pub begun: Option<Begun>,
    /// How it compares with the version that served.
    pub compared: Option<Compared>,
}

/// The version that a training began from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Name and version.
    pub from: String,
    /// Rows by table: restored, added, dropped.
    pub rows: BTreeMap<String, [usize; 3]>,
}

/// What a gate compared; a figure that is no number is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The figure, and of what.
    pub figure: String,
    /// The new version's.
    pub value: Option<f64>,
    /// How sure that is.
    pub interval: Option<Bounds>,
    /// Name and version of the serving one.
    pub serving: String,
    /// Its figure.
    pub serving_value: Option<f64>,
    /// How sure that is.
    pub serving_interval: Option<Bounds>,
    /// Whether the new one might be published.
    pub passed: bool,
    /// All of it in a sentence.
    pub told: String,
}

/// Another version serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// When, microseconds since 1970 UTC.
    pub time: i64,
    /// The version that served.
    pub before: u64,
    /// The version that serves since.
    pub version: u64,
    /// Whether it stays when a newer one is published.
    pub pinned: bool,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chronicle {
    /// Its lines in order.
    pub events: Vec<Event>,
    /// Lines that could not be read: number, reason.
    pub broken: Vec<(usize, String)>,
}

impl Begun {
    /// What became of the version `from`.
    #[must_use]
    pub fn of(from: &str, restored: &Restored) -> Begun {
        let dropped = |table: &str| restored.dropped_rows.get(table).copied().unwrap_or_default();
        let rows = restored.rows.iter();
        let rows = rows.map(|(table, (taken, new))| (table.clone(), [*taken, *new, dropped(table)]));
        Begun {
            from: from.to_owned(),
            rows: rows.collect(),
        }
    }
}

impl From<&Verdict> for Compared {
    fn from(verdict: &Verdict) -> Compared {
        let number = |value: f64| Some(value).filter(|value| value.is_finite());
        Compared {
            figure: verdict.figure(),
            value: number(verdict.value),
            interval: verdict.interval,
            serving: verdict.serving.clone(),
            serving_value: number(verdict.serving_value),
            serving_interval: verdict.serving_interval,
            passed: verdict.passed,
            told: verdict.to_string(),
        }
    }
}

/// Adds a line to a model's chronicle; on return it is on the disk.
///
/// # Errors
/// What the disk says.
pub fn add(model: &Path, event: &Event) -> Result<(), TrainError> {
    let path = model.join(FILE);
    let failed = |source| TrainError::Io {
        path: path.display().to_string(),
        source,
    };
    let line = serde_json::to_string(event).map_err(|fault| failed(fault.into()))? + "\n";
    std::fs::create_dir_all(model).map_err(failed)?;
    // a line that a crash cut short must not swallow this one
    let cut = std::fs::read(&path).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
    let line = if cut { format!("\n{line}") } else { line };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(failed)?;
    file.write_all(line.as_bytes()).map_err(failed)?;
    file.sync_data().map_err(failed)
}

/// Reads a model's chronicle; empty where there is none.
///
/// # Errors
/// What the disk says.
pub fn read(model: &Path) -> Result<Chronicle, TrainError> {
    let path = model.join(FILE);
    let bytes = match std::fs::read(&path) {
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Chronicle::default()),
        read => read.map_err(|source| TrainError::Io {
            path: path.display().to_string(),
            source,
        })?,
    };
    let mut chronicle = Chronicle::default();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        match serde_json::from_slice(line) {
            Ok(event) => chronicle.events.push(event),
            Err(_) if line.is_empty() => {}
            Err(fault) => chronicle.broken.push((number, fault.to_string())),
        }
    }
    Ok(chronicle)
}

impl Chronicle {
    /// The trainings in order, each with the version that was made to serve instead of what it had published.
    #[must_use]
    pub fn trainings(&self) -> Vec<(&Training, Option<u64>)> {
        let trainings = self.events.iter().filter_map(|event| match event {
            Event::Training(training) => Some(training.as_ref()),
            Event::Serving(_) => None,
        });
        trainings
            .map(|one| (one, one.version.and_then(|version| self.instead(version))))
            .collect()
    }

    /// The older version that was made to serve in a version's place.
    fn instead(&self, of: u64) -> Option<u64> {
        self.events.iter().find_map(|event| match event {
            Event::Serving(moved) if moved.before == of && moved.version < of => Some(moved.version),
            Event::Serving(_) | Event::Training(_) => None,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn training(version: Option<u64>, value: f64, serving: f64) -> Training {
        let about = |value: f64| {
            Some(Bounds {
                low: value - 0.02,
                high: value + 0.03,
            })
        };
        let begun = Restored {
            rows: BTreeMap::from([("movie".to_owned(), (90, 10)), ("user".to_owned(), (7, 0))]),
            dropped_rows: BTreeMap::from([("movie".to_owned(), 4)]),
            ..Restored::default()
        };
        Training {
            time: 1_767_225_600_000_000,
            version,
            learnt: vec!["samples/dt=20160103/samples.parquet".to_owned()],
            samples: 400,
            seconds: 1.25,
            begun: Some(Begun::of("films@1", &begun)),
            compared: Some(Compared {
                figure: "recall@10 of cold items".to_owned(),
                value: Some(value),
                interval: about(value),
                serving: "films@1".to_owned(),
                serving_value: Some(serving),
                serving_interval: about(serving),
                passed: version.is_some(),
                told: "it is <worse> than films@1".to_owned(),
            }),
        }
    }

    /// Three nights: published, blocked, published and rolled back.
    pub(crate) fn nights() -> Chronicle {
        let first = Training {
            begun: None,
            compared: None,
            ..training(Some(1), 0.0, 0.0)
        };
        let back = Serving {
            before: 3,
            version: 2,
            pinned: true,
            ..Serving::default()
        };
        let trainings = [
            first,
            training(Some(2), 0.12, 0.11),
            training(None, 0.05, 0.12),
            training(Some(3), 0.13, 0.12),
        ];
        let mut events: Vec<Event> = trainings
            .into_iter()
            .map(|one| Event::Training(Box::new(one)))
            .collect();
        events.push(Event::Serving(back));
        let broken = Vec::new();
        Chronicle { events, broken }
    }

    #[test]
    fn what_is_added_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("films");
        assert_eq!(read(&model).unwrap(), Chronicle::default());
        let nights = nights();
        nights.events.iter().for_each(|event| add(&model, event).unwrap());
        assert_eq!(read(&model).unwrap(), nights);
        let told: Vec<_> = nights
            .trainings()
            .iter()
            .map(|(one, instead)| (one.version, *instead))
            .collect();
        assert_eq!(
            told,
            [(Some(1), None), (Some(2), None), (None, None), (Some(3), Some(2))]
        );
        let Event::Training(second) = &nights.events[1] else {
            panic!("a training")
        };
        let rows = &second.begun.as_ref().unwrap().rows;
        assert_eq!((rows["movie"], rows["user"]), ([90, 10, 4], [7, 0, 0]));
    }

    #[test]
    fn a_line_that_was_cut_short_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let event = Event::Serving(Serving::default());
        add(folder.path(), &event).unwrap();
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        add(folder.path(), &event).unwrap();
        let found = read(folder.path()).unwrap();
        assert_eq!((found.events, found.broken.len()), (vec![event], 1));
        assert_eq!(found.broken[0].0, 1);
    }

    #[test]
    fn a_figure_that_is_no_number_is_none() {
        let verdict = Verdict {
            value: f64::NAN,
            serving_value: 0.5,
            ..Verdict::default()
        };
        let compared = Compared::from(&verdict);
        assert_eq!((compared.value, compared.serving_value), (None, Some(0.5)));
        let text = serde_json::to_string(&compared).unwrap();
        assert_eq!(serde_json::from_str::<Compared>(&text).unwrap(), compared);
    }
}
