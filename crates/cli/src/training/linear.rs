//! Trains `lr`, `fm` and `ffm` sample by sample. libsvm and libffm files go straight to keys.

use std::path::Path;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use rankine_model::Network;
use rankine_model::linear::LinearPart;
use rankine_train::linear::{Feed, Feeds, PlanFeed, TextFeed, TextFormat, train};
use rankine_train::tensorboard::EventWriter;
use rankine_train::{Progress, SampleSource, Trained};

use super::fit::Learnt;
use super::{Job, Part};
use crate::home::Home;
use crate::source::sifting;

impl Job {
    pub(super) fn train_linear(
        &self,
        home: &Home,
        samples: &mut Learnt<'_>,
        progress: &mut dyn Progress,
        events: Option<&mut EventWriter>,
    ) -> anyhow::Result<Trained> {
        let network = Network::compile(&self.model, samples.plan)?;
        let part = network.linear.context("the model has no linear part")?;
        let frame = self.frame(home, samples, &described(&part))?;
        let plan = samples.plan;
        let mut learn = self.feed(plan, &part, (samples.learn.0, &mut *samples.learn.1))?;
        let mut judge = self.feed(plan, &part, (samples.judge.0, &mut *samples.judge.1))?;
        Ok(train(
            &self.model,
            plan,
            (&mut *learn, &mut *judge),
            &frame,
            (progress, events),
        )?)
    }

    /// A part of the samples as keys.
    fn feed<'a>(
        &self,
        plan: &std::sync::Arc<rankine_feature::Plan>,
        part: &LinearPart,
        (which, source): (Part, &'a mut dyn SampleSource),
    ) -> anyhow::Result<Box<dyn Feed + 'a>> {
        let (files, loss) = (&self.files, self.model.loss.into());
        let drawn = files.valid.is_empty();
        let (train, valid) = (files.train.as_slice(), files.valid.as_slice());
        let (paths, held) = match which {
            Part::Train => ([train, &[]], drawn.then_some(false)),
            Part::Valid if drawn => ([train, &[]], Some(true)),
            Part::Valid => ([valid, &[]], None),
            Part::All => ([train, valid], None),
            Part::Judge => ([&[][..], &[]], None),
        };
        let text = paths.concat().into_iter();
        let text = text.map(|path| TextFormat::of(&path).map(|format| (path, format)));
        let Some(text) = text.collect::<Option<Vec<_>>>().filter(|text| !text.is_empty()) else {
            return Ok(Box::new(PlanFeed::new(source, plan.clone(), part, loss)));
        };
        let (mut feeds, read) = (Vec::new(), Rc::default());
        for (path, format) in text {
            let mut feed = TextFeed::open(&path, format, part, loss)?;
            if let Some(held) = held {
                feed = feed.only(sifting(files.hold_out, self.model.seed, held), Rc::clone(&read));
            }
            if let Some(taker) = files.reading.taker(&path) {
                feed = feed.leaving_out(taker);
            }
            feeds.push(Box::new(feed) as Box<dyn Feed>);
        }
        Ok(Box::new(Feeds::new(feeds)))
    }

    /// What a kept cache must be of.
    pub(super) fn fingerprint(&self, samples: &Learnt<'_>, part: &str) -> anyhow::Result<String> {
        let (files, which) = (&self.files, samples.learn.0);
        let mut words = vec![
            samples.plan.hash(),
            format!("{which:?} {part} {}", files.hold_out),
            format!(
                "{:?} {:?}",
                self.model.labels(samples.plan.sample_spec()),
                self.model.loss
            ),
        ];
        if files.hold_out > 0.0 {
            words.push(self.model.seed.to_string());
        }
        let learnt = files.valid.iter().filter(|_| which == Part::All);
        for path in files.train.iter().chain(learnt) {
            words.push(of_file(path)?);
        }
        Ok(words.join("\n"))
    }
}

/// What a linear part reads, in words.
fn described(part: &LinearPart) -> String {
    let slots: Vec<String> = part.slots.iter().map(|s| s.slot.to_string()).collect();
    format!(
        "{:?} {} {} {}",
        part.keys,
        part.missing,
        part.min_count,
        slots.join(",")
    )
}

/// Where the rows are listed that a run of this name leaves out.
pub(crate) fn rejects(home: &Home, name: &str) -> std::path::PathBuf {
    home.cache().join(format!("{name}.rejects.tsv"))
}

/// A file's path, length and time of change.
pub(crate) fn of_file(path: &Path) -> anyhow::Result<String> {
    let file = || path.display().to_string();
    let (whole, meta) = (
        path.canonicalize().with_context(file)?,
        std::fs::metadata(path).with_context(file)?,
    );
    let changed = meta
        .modified()
        .with_context(file)?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(format!(
        "{} {} {}",
        whole.display(),
        meta.len(),
        changed.as_nanos()
    ))
}
