//! Measures a model on held-out samples with the serving scorer, beside the trivial baselines.
//!
//! Baselines are fitted on training rows alone: the constant, the item's mean label, item mean plus user mean, and,
//! where the conf has the columns, the same two means as they stood at the sample's time (point in time).

use rankine_feature::{Plan, Side, Value};
use rankine_model::{Kind, Scorer};
use rankine_train::baseline::{Constant, ItemMean, ItemUserMean, PointInTime};
use rankine_train::bootstrap::Bootstrap;
use rankine_train::metric::Evaluation;
use rankine_train::source::for_each;
use rankine_train::{SampleSource, evaluate};

/// Columns with the means known before a sample: the film's and the user's.
const MEANS: (&str, &str) = ("movieAvgRating", "userAvgRating");

/// The trivial rankers, fitted on training rows.
pub(crate) struct Baselines {
    constant: Constant,
    item: ItemMean,
    both: ItemUserMean,
    known: Option<PointInTime>,
}

/// What baselines read of samples, one entry per row.
#[derive(Default)]
struct Columns {
    labels: Vec<f64>,
    items: Vec<i64>,
    users: Vec<i64>,
    /// Means known before the sample; empty where the conf has no such columns.
    item_means: Vec<Option<f64>>,
    user_means: Vec<Option<f64>>,
}

impl Columns {
    fn read(plan: &Plan, samples: &mut dyn SampleSource) -> anyhow::Result<Self> {
        let means = position(plan, MEANS.0, Side::Item).zip(position(plan, MEANS.1, Side::User));
        let mut columns = Self::default();
        for_each(samples, |row| {
            columns.labels.push(f64::from(row.label));
            columns.items.push(row.item_id);
            columns.users.push(row.group);
            if let Some((item, user)) = means {
                columns.item_means.push(number(&row.item, item));
                columns.user_means.push(number(&row.user, user));
            }
            Ok(())
        })?;
        Ok(columns)
    }
}

impl Baselines {
    /// Fits all baselines on `train`.
    ///
    /// # Errors
    /// What the source reports.
    pub(crate) fn fit(plan: &Plan, train: &mut dyn SampleSource) -> anyhow::Result<Self> {
        let c = Columns::read(plan, train)?;
        let known = !c.item_means.is_empty();
        Ok(Self {
            constant: Constant::fit(&c.labels),
            item: ItemMean::fit(&c.items, &c.labels),
            both: ItemUserMean::fit(&c.items, &c.users, &c.labels),
            known: known.then(|| PointInTime::fit(&c.item_means, &c.user_means, &c.labels)),
        })
    }

    /// Every baseline's scores, by name.
    fn scores(&self, c: &Columns) -> Vec<(String, Vec<f64>)> {
        let mut all = vec![
            ("constant".to_owned(), self.constant.predict(c.items.len())),
            ("item mean".to_owned(), self.item.predict(&c.items)),
            (
                "item mean + user mean".to_owned(),
                self.both.predict(&c.items, &c.users),
            ),
        ];
        if let Some(known) = &self.known {
            all.push((
                "item + user mean at the time".to_owned(),
                known.predict(&c.item_means, &c.user_means),
            ));
        }
        all
    }
}

/// Where `name` stands among the fields of `side`, if the conf has it there.
fn position(plan: &Plan, name: &str, side: Side) -> Option<usize> {
    plan.schema()
        .find(name)
        .and_then(|(found, index)| (found == side).then_some(index))
}

fn number(values: &[Value], at: usize) -> Option<f64> {
    match values.get(at) {
        Some(Value::Float(v)) => Some(*v),
        _ => None,
    }
}

/// The same evaluation of a model whose scores are no probabilities, if so: figures that would take them for some are left
/// out of its line.
pub(crate) fn of_values(mut evaluation: Evaluation, kind: Kind) -> Evaluation {
    let own = evaluation.lines.iter_mut().filter(|line| !line.baseline);
    for line in own.filter(|_| kind.is_matrix()) {
        let m = &mut line.measures;
        (m.logloss, m.accuracy, m.brier) = (None, None, None);
    }
    evaluation
}

/// Measures `scorer` (called `name`) on `samples`; intervals are by user.
///
/// # Errors
/// What evaluation reports.
pub(crate) fn judge(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    samples: &mut dyn SampleSource,
    baselines: &Baselines,
) -> anyhow::Result<Evaluation> {
    let others = baselines.scores(&Columns::read(plan, samples)?);
    Ok(evaluate(
        title,
        (name, plan, scorer),
        samples,
        |_| others,
        &Bootstrap::default(),
    )?)
}
