//! Measures a model on held-out samples with the serving scorer, beside the trivial baselines.
//!
//! Baselines are fitted on training rows alone: the constant, the item's mean label, item mean plus user mean, and,
//! where the conf has the columns, the same two means as they stood at the sample's time (point in time). Rows are also
//! measured by group, by how often their item and their user are among the training samples. Where samples name no users or no
//! items there is no mean of them and no group by them.

use anyhow::{Context, bail};
use rankine_feature::{Plan, Side, Value};
use rankine_model::config::{MetricName, Metrics};
use rankine_model::{Network, Scorer};
use rankine_train::baseline::{Constant, ItemMean, ItemUserMean, Labels, PointInTime};
use rankine_train::metric::{Evaluation, SliceRows};
use rankine_train::source::for_each;
use rankine_train::{Beside, Names, SampleSource, Scored, asked, evaluate_output};

/// Columns with the means known before a sample: the film's and the user's.
const MEANS: (&str, &str) = ("movieAvgRating", "userAvgRating");

/// Items with fewer training samples than this are cold.
const COLD: usize = 5;

/// The trivial rankers, fitted on training rows, a set for each label, and how often users and items are among them.
pub(crate) struct Baselines {
    by_label: Vec<Trivial>,
    names: Names,
    items: Counts,
    users: Counts,
}

/// The trivial rankers of a label.
struct Trivial {
    constant: Constant,
    item: ItemMean,
    both: ItemUserMean,
    known: Option<PointInTime>,
}

/// What baselines read of samples, one entry per row.
#[derive(Default)]
struct Columns {
    /// Of the labels the model learns.
    labels: Vec<Vec<f64>>,
    /// Whom they name.
    names: Names,
    /// How much each row counts.
    weights: Vec<f64>,
    items: Vec<i64>,
    users: Vec<i64>,
    /// Means known before the sample; empty where the conf has no such columns.
    item_means: Vec<Option<f64>>,
    user_means: Vec<Option<f64>>,
}

impl Columns {
    fn read(plan: &Plan, samples: &mut dyn SampleSource) -> anyhow::Result<Self> {
        let means = position(plan, MEANS.0, Side::Item).zip(position(plan, MEANS.1, Side::User));
        let mut columns = Self {
            labels: vec![Vec::new()],
            names: samples.names(),
            ..Self::default()
        };
        for_each(samples, |row| {
            columns
                .labels
                .resize(columns.labels.len().max(1 + row.others.len()), Vec::new());
            for (labels, label) in columns
                .labels
                .iter_mut()
                .zip([row.label].iter().chain(&row.others))
            {
                labels.push(f64::from(*label));
            }
            columns.weights.push(f64::from(row.weight));
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

impl Trivial {
    fn fit(c: &Columns, labels: &[f64]) -> Self {
        let known = !c.item_means.is_empty();
        let labels = Labels::weighted(labels, Some(&c.weights));
        Self {
            constant: Constant::fit(labels),
            item: ItemMean::fit(&c.items, labels),
            both: ItemUserMean::fit(&c.items, &c.users, labels),
            known: known.then(|| PointInTime::fit(&c.item_means, &c.user_means, labels)),
        }
    }

    /// The scores of every baseline of those who are named, by name.
    fn scores(&self, c: &Columns, names: Names) -> Vec<(String, Vec<f64>)> {
        let mut all = vec![("constant".to_owned(), self.constant.predict(c.items.len()))];
        if names.items {
            all.push(("item mean".to_owned(), self.item.predict(&c.items)));
        }
        if names.items && names.users {
            let both = self.both.predict(&c.items, &c.users);
            all.push(("item mean + user mean".to_owned(), both));
        }
        if let Some(known) = &self.known {
            all.push((
                "item + user mean at the time".to_owned(),
                known.predict(&c.item_means, &c.user_means),
            ));
        }
        all
    }
}

impl Baselines {
    /// Fits all baselines on `train`.
    ///
    /// # Errors
    /// What the source reports.
    pub(crate) fn fit(plan: &Plan, train: &mut dyn SampleSource) -> anyhow::Result<Self> {
        let c = Columns::read(plan, train)?;
        Ok(Self {
            by_label: c.labels.iter().map(|labels| Trivial::fit(&c, labels)).collect(),
            names: c.names,
            items: Counts::of(&c.items),
            users: Counts::of(&c.users),
        })
    }

    /// What a label's scores are held against, and the groups of the rows.
    fn beside(&self, c: &Columns, label: usize) -> Beside {
        Beside {
            baselines: self
                .by_label
                .get(label)
                .map_or_else(Vec::new, |trivial| trivial.scores(c, self.names.and(c.names))),
            slices: self.groups(c),
        }
    }

    /// Rows by how often their item and their user were trained on; a group that is all rows or none says nothing.
    fn groups(&self, c: &Columns) -> Vec<SliceRows> {
        let cold: Vec<bool> = c.items.iter().map(|item| self.items.get(*item) < COLD).collect();
        let new: Vec<bool> = c.users.iter().map(|user| self.users.get(*user) == 0).collect();
        let named = self.names.and(c.names);
        let not = |rows: &[bool]| rows.iter().map(|own| !own).collect::<Vec<bool>>();
        let pairs = [
            (
                format!("cold items (fewer than {COLD} training samples)"),
                "warm items",
                cold,
                named.items,
            ),
            (
                "new users (no training samples)".to_owned(),
                "known users",
                new,
                named.users,
            ),
        ];
        let told = pairs
            .into_iter()
            .filter(|(_, _, rows, named)| *named && rows.contains(&true) && rows.contains(&false));
        told.flat_map(|(name, rest, rows, _)| {
            let others = not(&rows);
            [
                SliceRows { name, rows },
                SliceRows {
                    name: rest.to_owned(),
                    rows: others,
                },
            ]
        })
        .collect()
    }
}

/// How many samples each id has, by id: 16 bytes each, where a tree of millions would take more than twice as much.
struct Counts(Vec<(i64, usize)>);

impl Counts {
    fn of(ids: &[i64]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let runs = ids.chunk_by(|a, b| a == b);
        Self(runs.map(|run| (run[0], run.len())).collect())
    }

    fn get(&self, id: i64) -> usize {
        let found = self.0.binary_search_by_key(&id, |(id, _)| *id);
        found.map_or(0, |at| self.0[at].1)
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

/// Refuses figures that are made user by user where the model file asks for one and the samples name no users.
///
/// # Errors
/// The figure's name.
pub(super) fn measurable(metrics: Metrics, samples: &dyn SampleSource) -> anyhow::Result<()> {
    if samples.names().users || metrics.is_all() {
        return Ok(());
    }
    let by_user = Vec::from(metrics)
        .into_iter()
        .find(|name: &MetricName| name.is_by_user());
    by_user.map_or(Ok(()), |name| {
        let name = name.name();
        bail!("model key `metrics`: `{name}` is made user by user, and these samples name no users")
    })
}

/// Measures `scorer` (called `name`) on `samples`, each of its outputs that learns a label; intervals are by user, by row where the
/// samples name none.
///
/// # Errors
/// What evaluation reports; a figure by user that was asked for where no users are named.
pub(crate) fn judge(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    network: &Network,
    samples: &mut dyn SampleSource,
    baselines: &Baselines,
) -> anyhow::Result<Evaluation> {
    measurable(network.metrics, samples)?;
    let columns = Columns::read(plan, samples)?;
    let mut all = Vec::new();
    for (output, asked) in asked(network) {
        let title = match all.is_empty() {
            true => title.to_owned(),
            false => format!("{title}, output `{output}`"),
        };
        let beside = |_: &Scored| baselines.beside(&columns, asked.label);
        all.push(evaluate_output(
            &title,
            (name, plan, scorer),
            asked,
            samples,
            beside,
        )?);
    }
    let mut all = all.into_iter();
    let mut first = all
        .next()
        .context("the model has no output that learns a label")?;
    first.others = all.collect();
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_weigh_rows_as_the_model_does() {
        let learnt = Columns {
            labels: vec![vec![1.0, 0.0]],
            weights: vec![9.0, 1.0],
            items: vec![1, 1],
            users: vec![7, 7],
            ..Columns::default()
        };
        let trivial = Trivial::fit(&learnt, &learnt.labels[0]);
        for (name, scores) in trivial.scores(&learnt, Names::default()) {
            assert!(
                scores.iter().all(|score| (score - 0.9).abs() < 1e-12),
                "{name} {scores:?}"
            );
        }
    }

    #[test]
    fn rows_are_grouped_by_what_training_saw() {
        let columns = |items: &[i64], users: &[i64]| Columns {
            labels: vec![vec![1.0; items.len()]],
            weights: vec![1.0; items.len()],
            items: items.to_vec(),
            users: users.to_vec(),
            ..Columns::default()
        };
        let learnt = columns(&[1, 1, 1, 1, 1, 2], &[7, 7, 7, 7, 7, 7]);
        let baselines = Baselines {
            by_label: vec![Trivial::fit(&learnt, &learnt.labels[0])],
            names: learnt.names,
            items: Counts::of(&learnt.items),
            users: Counts::of(&learnt.users),
        };
        let found = baselines.groups(&columns(&[1, 2, 3], &[7, 8, 7]));
        let rows: Vec<(&str, &[bool])> = found.iter().map(|s| (&s.name[..9], &s.rows[..])).collect();
        let expected: [(&str, &[bool]); 4] = [
            ("cold item", &[false, true, true]),
            ("warm item", &[true, false, false]),
            ("new users", &[false, true, false]),
            ("known use", &[true, false, true]),
        ];
        assert_eq!(rows, expected);
        assert!(baselines.groups(&columns(&[1], &[7])).is_empty());
    }

    /// Line k of a test file was held to be the user of line k of the training file.
    #[test]
    fn who_is_not_named_has_neither_mean_nor_group() {
        let columns = |names: Names| Columns {
            labels: vec![vec![1.0, 0.0, 1.0]],
            names,
            weights: vec![1.0; 3],
            items: vec![1, 2, 3],
            users: vec![7, 8, 7],
            ..Columns::default()
        };
        let no_users = Names {
            users: false,
            items: true,
        };
        let of = |learnt: Names, judged: Names| {
            let learnt = columns(learnt);
            let baselines = Baselines {
                by_label: vec![Trivial::fit(&learnt, &learnt.labels[0])],
                names: learnt.names,
                items: Counts(vec![(1, COLD)]),
                users: Counts(vec![(7, 1)]),
            };
            let beside = baselines.beside(&columns(judged), 0);
            (beside.baselines.len(), beside.slices.len())
        };
        assert_eq!(of(Names::default(), Names::default()), (3, 4));
        assert_eq!(of(Names::default(), no_users), (2, 2));
        assert_eq!(of(Names::NONE, Names::NONE), (1, 0));
    }
}
