//! Twenty steps of each optimiser against traces made by PyTorch in f64, dense and over rows.

use super::*;
use proptest::prelude::*;

const GOLDEN: &str = include_str!("../../tests/data/golden_optim.json");

/// The settings the traces were made with.
fn traced() -> Vec<(&'static str, Optimiser)> {
    let (beta, epsilon) = ((0.9, 0.999), 1e-8);
    vec![
        ("sgd", Optimiser::Sgd { rate: 0.1 }),
        (
            "momentum",
            Optimiser::Momentum {
                rate: 0.1,
                momentum: 0.9,
            },
        ),
        (
            "nesterov",
            Optimiser::Nesterov {
                rate: 0.1,
                momentum: 0.9,
            },
        ),
        (
            "adagrad",
            Optimiser::Adagrad {
                rate: 0.1,
                initial: 0.1,
                epsilon: 1e-10,
            },
        ),
        (
            "adam",
            Optimiser::Adam {
                rate: 0.01,
                beta,
                epsilon,
            },
        ),
        (
            "adamw",
            Optimiser::AdamW {
                rate: 0.01,
                beta,
                epsilon,
                decay: 0.1,
            },
        ),
        (
            "rmsprop",
            Optimiser::RmsProp {
                rate: 0.01,
                alpha: 0.99,
                epsilon,
            },
        ),
    ]
}

/// Reads a list of lists of four numbers after `"name":`; the file is plain enough for that.
pub(crate) fn trace(name: &str) -> Vec<[f64; 4]> {
    let after = GOLDEN.split(&format!("\"{name}\":")).nth(1).unwrap();
    let body = &after[..after.find("]]").unwrap()];
    let numbers: Vec<f64> = body
        .split(|c: char| "[], \n".contains(c))
        .filter(|s| !s.is_empty())
        .map(|s| s.parse().unwrap())
        .collect();
    numbers
        .chunks_exact(4)
        .map(|c| [c[0], c[1], c[2], c[3]])
        .collect()
}

fn gradient(t: u64) -> [f64; 4] {
    [0.0, 1.0, 2.0, 3.0].map(|j| (0.7 * t as f64 + j).sin())
}

#[test]
fn dense_steps_follow_the_traces() {
    for (name, optimiser) in traced() {
        let (mut w, mut state) = ([0.5, -1.0, 2.0, 0.0], optimiser.state(4));
        let trace = trace(name);
        assert_eq!(trace.len(), 20);
        for (t, expected) in (1u64..).zip(&trace) {
            optimiser.step(t, &mut w, &gradient(t), &mut state);
            for (w, e) in w.iter().zip(expected) {
                assert!((w - e).abs() < 1e-12, "{name} step {t}: {w} is not {e}");
            }
        }
    }
}

#[test]
fn row_steps_follow_the_traces_and_leave_other_rows_alone() {
    for (name, optimiser) in traced() {
        let mut table = RowTable::new(4, &optimiser);
        let row = table.intern(77, |w| w.copy_from_slice(&[0.5, -1.0, 2.0, 0.0]));
        let other = table.intern(78, |w| w.fill(3.0));
        let mut gradients = RowGradients::new(4);
        for (t, expected) in (1u64..).zip(&trace(name)) {
            gradients.clear();
            let half = gradient(t).map(|g| g / 2.0);
            crate::dense::add(&half, gradients.at(row));
            crate::dense::add(&half, gradients.at(row));
            optimiser.step_rows(t, &mut table, &gradients);
            for (w, e) in table.weights(row).iter().zip(expected) {
                assert!((w - e).abs() < 1e-12, "{name} step {t}: {w} is not {e}");
            }
        }
        assert_eq!(table.weights(other), [3.0; 4], "{name}");
    }
}

/// FTRL as its paper writes it, from zero, and from a weight elsewhere by the z that leads there.
#[test]
fn ftrl_is_the_paper_s_from_zero_and_stays_where_a_weight_began() {
    let (rate, beta, l1, l2) = (0.3, 0.7, 0.05, 0.2);
    let ftrl = Optimiser::Ftrl { rate, beta, l1, l2 };
    let (mut w, mut state) = ([0.0; 4], ftrl.state(4));
    let (mut z, mut n) = ([0.0f64; 4], [0.0f64; 4]);
    for t in 1..=20 {
        let g = gradient(t);
        for k in 0..4 {
            let old = if z[k].abs() <= l1 {
                0.0
            } else {
                -(z[k] - z[k].signum() * l1) / ((beta + n[k].sqrt()) / rate + l2)
            };
            let sigma = ((n[k] + g[k] * g[k]).sqrt() - n[k].sqrt()) / rate;
            z[k] += g[k] - sigma * old;
            n[k] += g[k] * g[k];
        }
        ftrl.step(t, &mut w, &g, &mut state);
        for k in 0..4 {
            let expected = if z[k].abs() <= l1 {
                0.0
            } else {
                -(z[k] - z[k].signum() * l1) / ((beta + n[k].sqrt()) / rate + l2)
            };
            assert!(
                (w[k] - expected).abs() < 1e-12,
                "step {t}: {} is not {expected}",
                w[k]
            );
        }
    }
    let (mut w, mut state) = ([0.25, -0.5], ftrl.state(2));
    ftrl.step(1, &mut w, &[0.0, 0.0], &mut state);
    assert!(
        (w[0] - 0.25f64).abs() < 1e-12 && (w[1] + 0.5f64).abs() < 1e-12,
        "{w:?}"
    );
    ftrl.step(2, &mut w, &[1.0, -1.0], &mut state);
    assert!(w[0] < 0.25 && w[1] > -0.5, "{w:?}");
}

#[test]
fn names_and_settings() {
    for name in Optimiser::NAMES {
        assert_eq!(
            Optimiser::named(name, 0.1).map(|optimiser| optimiser.name()),
            Some(name)
        );
        assert!(Optimiser::named(name, 0.5).is_some(), "{name}");
    }
    assert_eq!(Optimiser::named("lion", 0.5), None);
    assert_eq!(
        Optimiser::named("adagrad", 0.5).unwrap().state::<f32>(2),
        [0.1, 0.1]
    );
}

/// The rule without the machine's compilation around it.
fn plain(optimiser: &Optimiser, t: u64, (w, g, state): (&mut [f32], &[f32], &mut [f32])) {
    match *optimiser {
        Optimiser::Sgd { rate } => sgd::Step::new(rate).step(w, g, state),
        Optimiser::Momentum { rate, momentum } => momentum::Step::new(rate, momentum).step(w, g, state),
        Optimiser::Nesterov { rate, momentum } => nesterov::Step::new(rate, momentum).step(w, g, state),
        Optimiser::Adagrad { rate, epsilon, .. } => adagrad::Step::new(rate, epsilon).step(w, g, state),
        Optimiser::Adam { rate, beta, epsilon } => adam::Step::new(t, rate, beta, epsilon).step(w, g, state),
        Optimiser::AdamW {
            rate,
            beta,
            epsilon,
            decay,
        } => {
            adamw::Step::new(adam::Step::new(t, rate, beta, epsilon), rate * decay).step(w, g, state);
        }
        Optimiser::RmsProp { rate, alpha, epsilon } => {
            rmsprop::Step::new(rate, alpha, epsilon).step(w, g, state)
        }
        Optimiser::Ftrl { rate, beta, l1, l2 } => ftrl::Step::new(rate, beta, (l1, l2)).step(w, g, state),
    }
}

proptest! {
    /// The machine's loop equals the plain one, to the bit, on any length.
    #[test]
    fn machines_agree_to_the_bit(g in proptest::collection::vec(-3.0f32..3.0, 1..70), steps in 1u64..5) {
        for name in Optimiser::NAMES {
            let optimiser = Optimiser::named(name, 0.01).unwrap();
            let (mut w, mut state) = (vec![0.25f32; g.len()], optimiser.state(g.len()));
            let (mut twin, mut twin_state) = (w.clone(), state.clone());
            for t in 1..=steps {
                optimiser.step(t, &mut w, &g, &mut state);
                plain(&optimiser, t, (&mut twin, &g, &mut twin_state));
            }
            prop_assert_eq!(&w, &twin);
            prop_assert_eq!(&state, &twin_state);
        }
    }
}
