//! Weights in and out of the rows, by the names that artefacts use: what is published, and what a training begins from.
//!
//! Decision: the optimiser's state is kept under the name of its rule, `linear.<rule>`, in the order of the weights; another rule
//! finds none. FTRL's states are its weights, in the measure of its rates: at other rates they begin anew, and the weights stay. Ages of
//! rows that may expire are a table beside it, `linear.age`, of any rule.

use rankine_kernel::factor::{Learner, Rule, RuleKind, Shape};
use rankine_model::linear::{BIAS, LinearPart, TABLE};
use rankine_model::{Parameters, Table, Tensor};

use super::coder::Coder;
use crate::TrainError;
use crate::tensorboard::{EventWriter, spread};
use crate::warm::{Restored, STEPS, Start, counted, keep, numbers, other_buckets, younger};

/// Name of the table of ages.
const AGES: &str = "linear.age";
/// Name of the rule's rates among the state's tensors.
const RATES: &str = "rates";

/// The parameters as serving reads them: a row is the linear weight, then the factors.
pub(super) fn export(coder: &Coder, part: &LinearPart) -> Parameters<f32> {
    let (mut parameters, mut table) = (Parameters::default(), Table::plain(1 + part.shape.factors()));
    for (row, key) in (0u32..).zip(coder.keys()) {
        table.intern(*key, |numbers| {
            let weight = coder.table.read(row, &mut numbers[1..]);
            numbers[0] = weight;
        });
    }
    parameters.tables.insert(TABLE.to_owned(), table);
    let bias = Tensor::new(&[1], vec![coder.table.bias()]);
    parameters.dense.insert(BIAS.to_owned(), bias);
    parameters
}

/// Writes histograms of the linear weights and of the factors, rows spread over the table.
///
/// # Errors
/// [`TrainError::Io`] when the file cannot be written.
pub(super) fn histograms(events: &mut EventWriter, step: i64, coder: &Coder) -> Result<(), TrainError> {
    let (table, mut weights, mut factors) = (&coder.table, Vec::new(), Vec::new());
    let mut row = vec![0.0; table.shape().factors()];
    let rows = spread(table.len(), 1 + row.len()).map_while(|at| u32::try_from(at).ok());
    for at in rows {
        weights.push(table.read(at, &mut row));
        factors.extend_from_slice(&row);
    }
    events.histogram("weights/linear", step, &weights)?;
    if row.is_empty() {
        return Ok(());
    }
    events.histogram("weights/factors", step, &factors)
}

/// Copies the weights of an epoch to `to`; of a `learner`, whose state is kept, the states of rows and bias and its steps, too.
pub(super) fn save(coder: &Coder, learner: Option<&Learner<f32>>, to: &mut Vec<Vec<f32>>) {
    let table = &coder.table;
    to.resize(1, Vec::new());
    let Some(learner) = learner else {
        return table.save_weights(&mut to[0]);
    };
    to[0].resize(table.len() * table.numbers(), 0.0);
    let rows = to[0].chunks_exact_mut(table.numbers());
    (0u32..).zip(rows).for_each(|(row, to)| table.save_row(row, to));
    #[expect(clippy::cast_precision_loss, reason = "only the bias correction reads it")]
    let steps = vec![learner.steps() as f32];
    to.extend([table.save_bias().to_vec(), steps]);
}

/// Takes back what [`save`] copied.
pub(super) fn restore(from: &[Vec<f32>], coder: &mut Coder, learners: &mut [Learner<f32>]) {
    let table = &mut coder.table;
    let [rows, bias, steps] = from else {
        return from.iter().for_each(|weights| table.load_weights(weights));
    };
    let rows = rows.chunks_exact(table.numbers()).take(table.len());
    (0u32..)
        .zip(rows)
        .for_each(|(row, from)| table.load_row(row, from));
    if let Ok(bias) = bias.as_slice().try_into() {
        table.load_bias(bias);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count below 2^24 or about it"
    )]
    let steps = steps.first().map_or(0, |steps| *steps as u64);
    learners.iter_mut().for_each(|learner| learner.set_steps(steps));
}

/// The states of rows and bias and the number of samples learnt; none of a rule without states.
pub(super) fn state(coder: &Coder, learner: &Learner<f32>) -> Option<Parameters<f32>> {
    let (table, rule) = (&coder.table, *coder.table.rule());
    if rule.states() == 0 {
        return None;
    }
    let (width, lanes) = (1 + table.shape().factors(), table.shape().lanes());
    let (mut kept, mut numbers) = (Table::plain(width * rule.states()), vec![0.0; table.numbers()]);
    for (row, key) in (0u32..).zip(coder.keys()) {
        table.save_row(row, &mut numbers);
        kept.intern(*key, |to| {
            let planes = numbers[lanes..].chunks_exact(lanes);
            for (plane, to) in planes.zip(to.chunks_exact_mut(width)) {
                to.iter_mut()
                    .zip(order(table.shape()))
                    .for_each(|(to, lane)| *to = plane[lane]);
            }
        });
    }
    let mut state = Parameters::default();
    state.tables.insert(named(&rule), kept);
    #[expect(clippy::cast_precision_loss, reason = "only the bias correction reads it")]
    let steps = vec![learner.steps() as f32];
    let bias = table.save_bias()[1..].to_vec();
    for (name, data) in [(STEPS, steps), (BIAS, bias), (RATES, rates(&rule))] {
        state
            .dense
            .insert(name.to_owned(), Tensor::new(&[data.len()], data));
    }
    Some(state)
}

/// Trainings in a row that did not use each row, this one the last: 0 where it did.
fn ages(coder: &Coder, start: Option<&Start>) -> Table<f32> {
    let before = start.and_then(|start| start.optimizer.as_ref()?.tables.get(AGES));
    let of = |key: u64| before.and_then(|ages| ages.weights(ages.row(key)).first().copied());
    let mut ages = Table::plain(1);
    for (row, key) in (0u32..).zip(coder.keys()) {
        let age = if coder.is_used(row) {
            0.0
        } else {
            of(*key).unwrap_or(0.0) + 1.0
        };
        ages.intern(*key, |to| to[0] = age);
    }
    ages
}

/// Drops rows that as many trainings in a row as `most` have not used, and keeps the ages of the others with the optimiser's state.
pub(super) fn expire(
    (coder, start): (&Coder, Option<&Start>),
    most: u32,
    parameters: &mut Parameters<f32>,
    optimizer: &mut Option<Parameters<f32>>,
) {
    let (state, ages) = (optimizer.get_or_insert_default(), ages(coder, start));
    let kept = younger(&ages, most);
    state.tables.insert(AGES.to_owned(), ages);
    let tables = parameters.tables.values_mut().chain(state.tables.values_mut());
    tables.for_each(|table| keep(table, &kept));
}

/// Gives the rows of an earlier version their numbers and weights, before samples are read; says what became of each parameter.
///
/// # Errors
/// Keys or factors that mean something else there.
pub(super) fn begin(
    start: &Start,
    coder: &mut Coder,
    part: &LinearPart,
    learners: &mut [Learner<f32>],
) -> Result<Restored, TrainError> {
    let mut told = Restored::of(start);
    let (name, dim) = (format!("emb.{TABLE}"), 1 + part.shape.factors());
    match start.parameters.tables.get(TABLE) {
        Some(rows) if rows.dim() == dim => {
            same_meaning(start, part)?;
            for (key, row) in rows.sorted() {
                let (own, numbers) = (coder.find_or_add(key)?, rows.weights(row));
                coder.table.begin_row(own, numbers[0], &numbers[1..]);
            }
            told.rows.insert(TABLE.to_owned(), (coder.keys().len(), 0));
            told.restored.push(name);
        }
        Some(rows) => {
            told.reshaped.push(numbers(&name, (rows.dim(), dim)));
        }
        None => told.added.push(name),
    }
    match start
        .parameters
        .dense
        .get(BIAS)
        .and_then(|bias| bias.data.first())
    {
        Some(bias) => {
            coder.table.begin_bias(*bias);
            told.restored.push(BIAS.to_owned());
        }
        None => told.added.push(BIAS.to_owned()),
    }
    let tables = start.parameters.tables.keys().filter(|name| *name != TABLE);
    let dense = start.parameters.dense.keys().filter(|name| *name != BIAS);
    told.dropped = tables.map(|name| format!("emb.{name}")).collect();
    told.dropped.extend(dense.cloned());
    let state = start.optimizer.as_ref().filter(|_| told.reshaped.is_empty());
    if let Some(state) = state {
        told.optimizer = put_back(state, coder, learners);
        told.anew = if told.optimizer {
            Vec::new()
        } else {
            anew(state, coder.table.rule())
        };
    }
    Ok(told)
}

/// Refuses rows whose keys or factors are not those of `part`.
fn same_meaning(start: &Start, part: &LinearPart) -> Result<(), TrainError> {
    let here = part.keys.buckets().map(|buckets| buckets as u64);
    if let Some(there) = start.buckets.get(TABLE).filter(|there| **there != here) {
        return Err(other_buckets(TABLE, *there, here));
    }
    let fields: Vec<u32> = part.slots.iter().map(|slot| slot.slot).collect();
    if part.shape.fields > 1 && !start.fields.is_empty() && start.fields != fields {
        return Err(TrainError::Config {
            key: "linear.slots".to_owned(),
            detail: format!(
                "the version to begin from has factors for the fields of its own slots: expected {:?}, got {fields:?}",
                start.fields
            ),
        });
    }
    Ok(())
}

/// Takes the optimiser's state where it is of the same rule; `false` if there is none.
fn put_back(state: &Parameters<f32>, coder: &mut Coder, learners: &mut [Learner<f32>]) -> bool {
    let (rule, shape) = (*coder.table.rule(), coder.table.shape());
    let (width, lanes) = (1 + shape.factors(), shape.lanes());
    let numbers = |name: &str| state.dense.get(name).map(|tensor| tensor.data.clone());
    let found = state.tables.get(&named(&rule)).zip(numbers(BIAS));
    let found = found.filter(|(rows, bias)| rows.dim() == width * rule.states() && bias.len() == 2);
    let Some((rows, bias)) = found else {
        return false;
    };
    if matches!(rule.kind, RuleKind::Ftrl { .. }) && numbers(RATES) != Some(rates(&rule)) {
        return false;
    }
    let mut own = vec![0.0; coder.table.numbers()];
    for (key, row) in rows.sorted() {
        let Some(to) = coder.find(key) else { continue };
        coder.table.save_row(to, &mut own);
        let planes = own[lanes..].chunks_exact_mut(lanes);
        for (plane, from) in planes.zip(rows.weights(row).chunks_exact(width)) {
            from.iter()
                .zip(order(shape))
                .for_each(|(from, lane)| plane[lane] = *from);
        }
        coder.table.load_row(to, &own);
    }
    coder.table.load_bias([coder.table.bias(), bias[0], bias[1]]);
    let steps = numbers(STEPS).and_then(|steps| Some(counted(*steps.first()?)));
    learners
        .iter_mut()
        .for_each(|learner| learner.set_steps(steps.unwrap_or(0)));
    true
}

/// Whose states a version kept, where they are not taken.
fn anew(state: &Parameters<f32>, rule: &Rule) -> Vec<String> {
    let here = named(rule);
    let there = state.tables.keys().filter(|name| *name != AGES);
    let said = |there: &String| match *there == here {
        true => format!("optimizer.{here}: other rates there"),
        false => format!("optimizer.{TABLE}: {there} there, {here} here"),
    };
    there.map(said).collect()
}

/// The lanes of a plane in the order in which weights are published: the linear weight, then the factors.
fn order(shape: Shape) -> impl Iterator<Item = usize> {
    std::iter::once(shape.lanes() - 1).chain(0..shape.factors())
}

/// Name of the table of a rule's states.
fn named(rule: &Rule) -> String {
    format!("{TABLE}.{}", rule.kind.name())
}

/// What a rule moves weights by.
fn rates(rule: &Rule) -> Vec<f32> {
    let beta = match rule.kind {
        RuleKind::Ftrl { beta } => beta,
        RuleKind::Sgd
        | RuleKind::Adagrad { .. }
        | RuleKind::Adam { .. }
        | RuleKind::AdamW { .. }
        | RuleKind::Momentum { .. }
        | RuleKind::RmsProp { .. } => 0.0,
    };
    let (weight, factor) = (rule.weight, rule.factor);
    let all = [
        beta,
        weight.rate,
        weight.l1,
        weight.l2,
        factor.rate,
        factor.l1,
        factor.l2,
    ];
    all.iter()
        .map(|number| rankine_kernel::Real::of(*number))
        .collect()
}
