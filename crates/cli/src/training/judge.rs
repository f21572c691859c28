//! Measures a model on held-out samples with the serving scorer, beside the trivial baselines.
//!
//! Baselines are fitted on training rows alone: the constant, the item's mean label, item mean plus user mean, and,
//! where the conf has the columns, the same two means as they stood at the sample's time (point in time).

use rankine_feature::{Plan, Side, Value};
use rankine_model::Scorer;
use rankine_train::baseline::{Constant, ItemMean, ItemUserMean, PointInTime};
use rankine_train::bootstrap::Bootstrap;
use rankine_train::metric::Evaluation;
use rankine_train::{RowsSource, SampleRow, evaluate};

/// Columns with the means known before a sample: the film's and the user's.
const MEANS: (&str, &str) = ("movieAvgRating", "userAvgRating");

/// The trivial rankers, fitted on training rows.
pub(crate) struct Baselines {
    constant: Constant,
    item: ItemMean,
    both: ItemUserMean,
    known: Option<Known>,
}

/// The point-in-time baseline and where its two columns stand.
struct Known {
    model: PointInTime,
    item: usize,
    user: usize,
}

impl Baselines {
    /// Fits all baselines on `train`.
    pub(crate) fn fit(plan: &Plan, train: &RowsSource) -> Self {
        let rows = train.rows();
        let labels: Vec<f64> = rows.iter().map(|r| f64::from(r.label)).collect();
        let items: Vec<i64> = rows.iter().map(|r| r.item_id).collect();
        let users: Vec<i64> = rows.iter().map(|r| r.group).collect();
        let known = position(plan, MEANS.0, Side::Item)
            .zip(position(plan, MEANS.1, Side::User))
            .map(|(item, user)| {
                let (items, users) = means(rows, item, user);
                Known {
                    model: PointInTime::fit(&items, &users, &labels),
                    item,
                    user,
                }
            });
        Self {
            constant: Constant::fit(&labels),
            item: ItemMean::fit(&items, &labels),
            both: ItemUserMean::fit(&items, &users, &labels),
            known,
        }
    }

    /// Every baseline's scores for `rows`, by name.
    fn scores(&self, rows: &[SampleRow]) -> Vec<(String, Vec<f64>)> {
        let items: Vec<i64> = rows.iter().map(|r| r.item_id).collect();
        let users: Vec<i64> = rows.iter().map(|r| r.group).collect();
        let mut all = vec![
            ("constant".to_owned(), self.constant.predict(rows.len())),
            ("item mean".to_owned(), self.item.predict(&items)),
            (
                "item mean + user mean".to_owned(),
                self.both.predict(&items, &users),
            ),
        ];
        if let Some(known) = &self.known {
            let (items, users) = means(rows, known.item, known.user);
            all.push((
                "item + user mean at the time".to_owned(),
                known.model.predict(&items, &users),
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

/// The two columns of means.
fn means(rows: &[SampleRow], item: usize, user: usize) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    rows.iter()
        .map(|r| (number(&r.item, item), number(&r.user, user)))
        .unzip()
}

fn number(values: &[Value], at: usize) -> Option<f64> {
    match values.get(at) {
        Some(Value::Float(v)) => Some(*v),
        _ => None,
    }
}

/// Measures `scorer` (called `name`) on `rows`; intervals are by user.
///
/// # Errors
/// What evaluation reports.
pub(crate) fn judge(
    title: &str,
    model: (&str, &Plan, &Scorer),
    rows: &mut RowsSource,
    baselines: &Baselines,
) -> anyhow::Result<Evaluation> {
    let others = baselines.scores(rows.rows());
    Ok(evaluate(title, model, rows, |_| others, &Bootstrap::default())?)
}
