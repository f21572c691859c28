//! Rows against plain double loops, against finite differences, against traces of an independent implementation, and the
//! vector forms against the scalar twin.

use super::*;
use crate::machine::Machine;
use crate::real::Real;
use proptest::prelude::*;

const RATES: Rates = Rates {
    rate: 0.1,
    l1: 0.0,
    l2: 0.0,
};

fn rule(kind: RuleKind) -> Rule {
    Rule {
        kind,
        weight: RATES,
        factor: RATES,
    }
}

const KINDS: [RuleKind; 7] = [
    RuleKind::Sgd,
    RuleKind::Adagrad { initial: 0.1 },
    RuleKind::Ftrl { beta: 1.0 },
    RuleKind::Adam {
        beta: (0.9, 0.999),
        epsilon: 1e-8,
    },
    RuleKind::AdamW {
        beta: (0.9, 0.999),
        epsilon: 1e-8,
        decay: 0.1,
    },
    RuleKind::Momentum { momentum: 0.9 },
    RuleKind::RmsProp {
        alpha: 0.9,
        epsilon: 1e-8,
    },
];

/// Numbers in −1..1 from a seed (splitmix64).
fn number(seed: u64) -> f64 {
    let z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// A table of `rows` rows with factors and weights from the seed.
fn table<T: Real>(shape: Shape, rule: Rule, rows: u32, seed: u64) -> FactorTable<T> {
    let mut table = FactorTable::new(shape, rule);
    for row in 0..rows {
        let at = |i: usize| T::of(number(seed ^ (u64::from(row) << 20) ^ i as u64));
        table
            .push(|v| v.iter_mut().enumerate().for_each(|(i, v)| *v = at(i)))
            .unwrap();
    }
    table
}

/// One sample.
#[derive(Debug, Clone)]
struct Sample {
    rows: Vec<u32>,
    fields: Vec<u16>,
    values: Vec<f64>,
}

impl Sample {
    fn values<T: Real>(&self) -> Vec<T> {
        self.values.iter().map(|x| T::of(*x)).collect()
    }

    fn entries<'a, T>(&'a self, values: &'a [T]) -> Entries<'a, T> {
        Entries {
            rows: &self.rows,
            fields: &self.fields,
            values,
        }
    }
}

/// The definition: a double loop over pairs.
fn definition(table: &FactorTable<f64>, s: &Sample) -> f64 {
    let (k, fields) = (table.shape().k, table.shape().fields);
    let read = |row: u32| {
        let mut v = vec![0.0; fields * k];
        let w = table.read(row, &mut v);
        (v, w)
    };
    let of = |f: u16| if fields > 1 { f as usize } else { 0 };
    let mut logit = table.bias();
    for i in 0..s.rows.len() {
        let (v, w) = read(s.rows[i]);
        logit += w * s.values[i];
        for j in (i + 1..s.rows.len()).filter(|_| fields > 0) {
            let (u, _) = read(s.rows[j]);
            let (fi, fj) = (of(s.fields[i]), of(s.fields[j]));
            let dot: f64 = (0..k).map(|c| v[fj * k + c] * u[fi * k + c]).sum();
            logit += dot * s.values[i] * s.values[j];
        }
    }
    logit
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape { fields: 0, k: 0 }),
        (1usize..35).prop_map(|k| Shape { fields: 1, k }),
        (2usize..9, 1usize..9).prop_map(|(fields, k)| Shape { fields, k }),
        Just(Shape { fields: 39, k: 4 }),
        Just(Shape { fields: 7, k: 16 }),
    ]
}

fn samples(shape: Shape, rows: u32) -> impl Strategy<Value = Sample> {
    let fields = u16::try_from(shape.fields.max(1)).unwrap();
    let entry = (0..rows, 0..fields, -2.0f64..2.0);
    let any = proptest::collection::vec(entry, 0..12).prop_map(|e| Sample {
        rows: e.iter().map(|e| e.0).collect(),
        fields: e.iter().map(|e| e.1).collect(),
        values: e.iter().map(|e| e.2).collect(),
    });
    let each = proptest::collection::vec((0..rows, -2.0f64..2.0), fields as usize);
    let complete = each.prop_map(move |e| Sample {
        rows: e.iter().map(|e| e.0).collect(),
        fields: (0..fields).collect(),
        values: e.iter().map(|e| e.1).collect(),
    });
    prop_oneof![any, complete]
}

fn cases() -> impl Strategy<Value = (Shape, Vec<Sample>, u64)> {
    shapes().prop_flat_map(|shape| {
        (
            Just(shape),
            proptest::collection::vec(samples(shape, 40), 1..6),
            any::<u64>(),
        )
    })
}

proptest! {
    #[test]
    fn logits_are_those_of_the_double_loop((shape, samples, seed) in cases()) {
        let table = table::<f64>(shape, rule(RuleKind::Sgd), 40, seed);
        let mut learner = Learner::new(&table);
        for sample in &samples {
            let got = learner.predict(&table, sample.entries(&sample.values));
            let expected = definition(&table, sample);
            prop_assert!((got - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{got} {expected}");
        }
    }

    #[test]
    fn steps_follow_the_gradient_by_finite_differences((shape, samples, seed) in cases()) {
        let sample = &samples[0];
        // A row that stands twice in a sample is moved twice in turn: no plain gradient.
        let mut rows = sample.rows.clone();
        rows.sort_unstable();
        rows.dedup();
        prop_assume!(rows.len() == sample.rows.len());
        let mut table = table::<f64>(shape, rule(RuleKind::Sgd), 40, seed);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        table.save_weights(&mut before);
        let mut learner = Learner::new(&table);
        learner.predict(&table, sample.entries(&sample.values));
        learner.update(&table, sample.entries(&sample.values), 1.0, &[]);
        table.save_weights(&mut after);
        let used = |at: usize| {
            let lane = at % shape.lanes();
            at + 1 == before.len() || lane + 1 == shape.lanes() || lane < shape.factors()
        };
        let first = (seed % 11) as usize;
        for at in (0..before.len()).filter(|at| used(*at)).skip(first).step_by(if before.len() > 800 { 29 } else { 3 }) {
            let step = |by: f64, table: &mut FactorTable<f64>| {
                let mut moved = before.clone();
                moved[at] += by;
                table.load_weights(&moved);
                definition(table, sample)
            };
            // The logit has degree two: central differences are exact but for rounding.
            let slope = (step(0.5, &mut table) - step(-0.5, &mut table)) / 1.0;
            let got = (before[at] - after[at]) / RATES.rate;
            prop_assert!((got - slope).abs() < 1e-8 * (1.0 + slope.abs()), "{at}: {got} {slope}");
        }
    }

    /// Stated tolerance of a run of samples: 2e-3 of a weight, for AVX2 takes roots to eleven bits.
    #[test]
    fn machines_agree_with_the_scalar_twin((shape, samples, seed) in cases(), kind in 0usize..KINDS.len()) {
        let ends = Machine::available().into_iter().map(|machine| {
            let table = table::<f32>(shape, rule(KINDS[kind]), 40, seed);
            let mut learner = Learner::on(machine, &table);
            for sample in &samples {
                let values = sample.values::<f32>();
                let logit = learner.predict(&table, sample.entries(&values));
                let slope = 1.0 / (1.0 + (-logit).exp()) - 0.5;
                learner.update(&table, sample.entries(&values), slope, &samples[0].rows);
            }
            let mut weights = Vec::new();
            table.save_weights(&mut weights);
            weights
        });
        let ends: Vec<Vec<f32>> = ends.collect();
        let twin = ends.last().unwrap();
        for (a, b) in ends.iter().flat_map(|e| e.iter().zip(twin)) {
            // Adam's and Adagrad's steps at gradients near zero turn with their sign: the bound is a step's length.
            prop_assert!((a - b).abs() <= 2e-3 * (1.0 + b.abs()), "{a} {b}");
        }
    }
}

proptest! {
    #[test]
    fn rows_put_down_with_their_states_go_on_alike((shape, samples, seed) in cases(), kind in 0usize..KINDS.len()) {
        let learn = |table: &FactorTable<f32>, learner: &mut Learner<f32>| {
            for sample in &samples {
                let values = sample.values::<f32>();
                let logit = learner.predict(table, sample.entries(&values));
                learner.update(table, sample.entries(&values), (logit * 0.1).clamp(-1.0, 1.0) + 0.5, &[]);
            }
            let mut weights = Vec::new();
            table.save_weights(&mut weights);
            weights.iter().map(|w| w.to_bits()).collect::<Vec<u32>>()
        };
        let first = table::<f32>(shape, rule(KINDS[kind]), 40, seed);
        let mut other = table::<f32>(shape, rule(KINDS[kind]), 40, seed ^ 1);
        let mut learner = Learner::new(&first);
        learn(&first, &mut learner);
        let mut numbers = vec![0.0; first.numbers()];
        for row in 0..40 {
            first.save_row(row, &mut numbers);
            other.load_row(row, &numbers);
        }
        other.load_bias(first.save_bias());
        let mut second = Learner::new(&other);
        second.set_steps(learner.steps());
        prop_assert_eq!(learn(&other, &mut second), learn(&first, &mut learner));
    }

    #[test]
    fn rows_given_weights_have_the_states_of_new_ones(shape in shapes(), kind in 0usize..KINDS.len(), seed: u64) {
        let first = table::<f32>(shape, rule(KINDS[kind]), 1, seed);
        let mut other = table::<f32>(shape, rule(KINDS[kind]), 1, seed ^ 1);
        let mut factors = vec![0.0; shape.factors()];
        let weight = first.read(0, &mut factors);
        other.begin_row(0, weight, &factors);
        other.begin_bias(first.bias());
        let of = |table: &FactorTable<f32>| {
            let mut numbers = vec![0.0; table.numbers()];
            table.save_row(0, &mut numbers);
            numbers.extend(table.save_bias());
            numbers
        };
        prop_assert_eq!(of(&first), of(&other));
    }
}

/// The rule run over four weights with the gradients of the oracle, g[t][j] = sin(0.7 (t+1) + j): the weights after each step.
fn trace(kind: RuleKind, rate: f64) -> Vec<[f64; 4]> {
    let rates = Rates { rate, ..RATES };
    let rule = Rule {
        kind,
        weight: rates,
        factor: rates,
    };
    let mut table = table::<f64>(Shape { fields: 0, k: 0 }, rule, 4, 0);
    table.load_weights(&[0.5, -1.0, 2.0, 0.0, 0.0]);
    let mut learner = Learner::new(&table);
    let mut step = |t: u32| {
        let values: Vec<f64> = (0..4)
            .map(|j| (0.7 * f64::from(t + 1) + f64::from(j)).sin())
            .collect();
        let entries = Entries {
            rows: &[0, 1, 2, 3],
            fields: &[0; 4],
            values: &values,
        };
        learner.predict(&table, entries);
        learner.update(&table, entries, 1.0, &[]);
        [0, 1, 2, 3].map(|row| table.read(row, &mut []))
    };
    (0..20).map(&mut step).collect()
}

/// Every step of the traces of torch 2.15 in float64; Adagrad is there with an epsilon of 1e-10.
#[test]
fn rules_go_where_torch_goes() {
    let (beta, epsilon) = ((0.9, 0.999), 1e-8);
    let rules = [
        (RuleKind::Sgd, 0.1),
        (RuleKind::Momentum { momentum: 0.9 }, 0.1),
        (RuleKind::Adagrad { initial: 0.1 }, 0.1),
        (RuleKind::Adam { beta, epsilon }, 0.01),
        (
            RuleKind::AdamW {
                beta,
                epsilon,
                decay: 0.1,
            },
            0.01,
        ),
        (RuleKind::RmsProp { alpha: 0.99, epsilon }, 0.01),
    ];
    for (kind, rate) in rules {
        let expected = crate::optimiser::tests::trace(kind.name());
        let got = trace(kind, rate);
        assert_eq!((got.len(), expected.len()), (20, 20));
        for (t, (got, expected)) in got.iter().flatten().zip(expected.iter().flatten()).enumerate() {
            assert!((got - expected).abs() < 1e-9, "{kind:?} {t}: {got} {expected}");
        }
    }
}

/// Steps that are not the first begin where the moments have been, at the rate of the moment: what a schedule does.
#[test]
fn a_rate_that_changes_moves_the_next_step_alone() {
    for kind in KINDS
        .into_iter()
        .filter(|kind| !matches!(kind, RuleKind::Ftrl { .. }))
    {
        let moved = |factor: f64| {
            let table = table::<f64>(Shape { fields: 0, k: 0 }, rule(kind), 1, 3);
            let mut learner = Learner::new(&table);
            let entries = Entries {
                rows: &[0],
                fields: &[0],
                values: &[0.5],
            };
            let mut last = 0.0;
            for factor in [1.0, factor] {
                last = table.read(0, &mut []);
                learner.scale(&table, factor);
                learner.predict(&table, entries);
                learner.update(&table, entries, 1.0, &[]);
            }
            table.read(0, &mut []) - last
        };
        let (whole, half) = (moved(1.0), moved(0.5));
        assert!((half * 2.0 - whole).abs() < 1e-12, "{kind:?}: {half} {whole}");
    }
}

/// McMahan et al. 2013, algorithm 1, as printed: weights are formed from z and n when they are read.
#[test]
fn ftrl_is_the_printed_algorithm() {
    let (alpha, beta, l1, l2) = (0.3, 0.7, 0.4, 0.2);
    let rates = Rates { rate: alpha, l1, l2 };
    let rule = Rule {
        kind: RuleKind::Ftrl { beta },
        weight: rates,
        factor: rates,
    };
    let table = table::<f64>(Shape { fields: 0, k: 0 }, rule, 1, 0);
    let mut learner = Learner::new(&table);
    let (mut z, mut n, mut zeros) = (0.0f64, 0.0f64, 0);
    for t in 0..60 {
        let g = (0.9 * f64::from(t)).sin();
        let w = |z: f64, n: f64| {
            if z.abs() <= l1 {
                0.0
            } else {
                -(z - z.signum() * l1) / ((beta + n.sqrt()) / alpha + l2)
            }
        };
        let sigma = ((n + g * g).sqrt() - n.sqrt()) / alpha;
        z += g - sigma * w(z, n);
        n += g * g;
        let entries = Entries {
            rows: &[0],
            fields: &[0],
            values: &[g],
        };
        learner.predict(&table, entries);
        learner.update(&table, entries, 1.0, &[]);
        let got = table.read(0, &mut []);
        assert!((got - w(z, n)).abs() < 1e-12, "{t}: {got} {}", w(z, n));
        zeros += u32::from(got == 0.0);
    }
    assert!(
        zeros > 0 && zeros < 60,
        "l1 makes some weights exactly zero: {zeros}"
    );
}

#[test]
fn ftrl_leaves_first_factors_where_they_are() {
    let rates = Rates {
        rate: 0.1,
        l1: 0.05,
        l2: 0.3,
    };
    let rule = Rule {
        kind: RuleKind::Ftrl { beta: 1.0 },
        weight: rates,
        factor: rates,
    };
    let table = table::<f64>(Shape { fields: 1, k: 3 }, rule, 1, 5);
    let (mut before, mut after) = (vec![0.0; 3], vec![0.0; 3]);
    table.read(0, &mut before);
    let mut learner = Learner::new(&table);
    let entries = Entries {
        rows: &[0],
        fields: &[0],
        values: &[1.0],
    };
    learner.predict(&table, entries);
    learner.update(&table, entries, 1.0, &[]);
    table.read(0, &mut after);
    assert!(
        before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-12),
        "{before:?} {after:?}"
    );
}

#[test]
fn rows_of_many_segments_keep_apart() {
    let mut table = FactorTable::<f32>::new(
        Shape { fields: 64, k: 128 },
        rule(RuleKind::Adagrad { initial: 1.0 }),
    );
    for row in 0u16..2100 {
        table.push(|v| v.fill(f32::from(row))).unwrap();
    }
    assert_eq!(table.len(), 2100);
    let mut factors = vec![0.0; 64 * 128];
    for row in [0u16, 511, 512, 1023, 1024, 2099] {
        table.read(u32::from(row), &mut factors);
        assert!(factors.iter().all(|v| *v == f32::from(row)));
    }
}

#[test]
#[should_panic(expected = "field 9 of 3")]
fn a_field_that_does_not_exist_is_refused() {
    let table = table::<f32>(Shape { fields: 3, k: 2 }, rule(RuleKind::Sgd), 1, 0);
    Learner::new(&table).predict(
        &table,
        Entries {
            rows: &[0],
            fields: &[9],
            values: &[1.0],
        },
    );
}

#[test]
#[should_panic(expected = "row 1 of 1")]
fn a_row_that_does_not_exist_is_refused() {
    let table = table::<f32>(Shape { fields: 3, k: 2 }, rule(RuleKind::Sgd), 1, 0);
    Learner::new(&table).predict(
        &table,
        Entries {
            rows: &[1],
            fields: &[0],
            values: &[1.0],
        },
    );
}

#[test]
fn two_threads_learn_what_one_learns() {
    let table = table::<f32>(
        Shape { fields: 4, k: 4 },
        rule(RuleKind::Adagrad { initial: 0.1 }),
        40,
        3,
    );
    let loss = |from: u32, update: bool| {
        let mut learner = Learner::new(&table);
        let (mut sum, values) = (0.0, [1.0f32; 4]);
        for i in (from..8000).step_by(2) {
            let rows = [i % 10, 10 + i / 10 % 10, 20 + i / 100 % 10, 30 + i / 7 % 10];
            let entries = Entries {
                rows: &rows,
                fields: &[0, 1, 2, 3],
                values: &values,
            };
            let label = f32::from(u8::from((rows[0] + rows[1]) % 2 == 0));
            let p = 1.0 / (1.0 + (-learner.predict(&table, entries)).exp());
            sum -= (1.0 - (p - label).abs()).max(1e-6).ln();
            if update {
                learner.update(&table, entries, p - label, &[]);
            }
        }
        sum / 4000.0
    };
    for _ in 0..5 {
        std::thread::scope(|scope| {
            scope.spawn(|| loss(0, true));
            scope.spawn(|| loss(1, true));
        });
    }
    assert!(loss(0, false) < 0.2, "{}", loss(0, false));
}
