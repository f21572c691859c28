//! Changes at places of the test's choosing.

use rankine_pipeline::stream::{Arrival, Backfill, Change, Kind, Opened, Past, Position, Source};

use super::*;

/// Hands over what it was given, once.
struct Given(Vec<Arrival>);

impl Source for Given {
    fn open(&mut self, past: &Past, _: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        Ok(Opened {
            origin: "given".to_owned(),
            from: past.confirmed.unwrap_or(0),
            base: 0,
            snapshot: false,
        })
    }

    fn next(&mut self, _: Duration) -> Result<Option<Arrival>, PipelineError> {
        Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
    }

    fn confirm(&mut self, _: u64) -> Result<(), PipelineError> {
        Ok(())
    }
}

fn change(kind: Kind, key: &str, title: &str, seq: u32) -> Arrival {
    let text = |text: &str| rankine_pipeline::stream::Cell::Text(text.to_owned());
    let fields = [
        ("id", text(key)),
        ("title", text(title)),
        ("created", text("2000000")),
        ("author", text("a")),
    ];
    Arrival::Change(Change {
        table: "item".into(),
        kind,
        fields: fields
            .into_iter()
            .map(|(name, cell)| (name.into(), cell))
            .collect(),
        position: Position::new(8, seq),
        commit_time: 2_000_000_000_000,
        received: 2_000_000_000_000,
        xid: None,
    })
}

#[test]
fn a_key_comes_and_goes_beyond_the_rows_that_a_position_counts() {
    let home = Home::new();
    let arrivals = vec![
        change(Kind::Insert, "1", "before", 0),
        change(Kind::Insert, "2", "before", 1),
        change(Kind::Delete, "1", "", 20_000),
        change(Kind::Insert, "1", "again", 20_001),
        change(Kind::Insert, "3", "short-lived", 20_002),
        change(Kind::Delete, "3", "", 20_003),
        Arrival::Commit { end: 16 },
    ];
    // one change per micro-batch; the second time all of it is a replay that the state knows
    for embedded in [4, 0] {
        let parts = Parts {
            source: Box::new(Given(arrivals.clone())),
            ..home.parts()
        };
        let mut settings = settings(dimensions());
        (settings.until_idle, settings.batch) = (true, 1);
        let running = start(settings, parts, Replay::default());
        running.thread.join().unwrap().unwrap();
        assert_eq!(home.ids(), [1, 2]);
        assert_eq!(count(&running.status.embedded), embedded);
        let row = home.features().get(&[1]).unwrap().remove(0).unwrap();
        assert_eq!(row.cells["title"], "again");
    }
}
