//! Intervals beside rows drawn and put together one by one, and how often they hold what is true.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_model::config::Meaning;

use super::*;

/// Rows of users of unequal length: scores with ties, labels after a truth that scores exaggerate.
fn example(random: &mut Xoshiro256PlusPlus, users: i64, weighted: bool) -> (Observed, Vec<f64>) {
    let (mut observed, mut scores) = (Observed::default(), Vec::new());
    let mut weights = Vec::new();
    for user in 0..users {
        let taste: f64 = random.random::<f64>() * 0.4 - 0.2;
        for _ in 0..4 + user % 5 {
            let truth: f64 = (random.random::<f64>() * 0.6 + 0.2 + taste).clamp(0.0, 1.0);
            observed
                .labels
                .push(f64::from(u8::from(random.random::<f64>() < truth)));
            // not in the order of their ids
            observed.groups.push((user * 37) % users);
            scores.push(((2.0 * truth - 0.5).clamp(0.02, 0.98) * 40.0).round() / 40.0);
            weights.push(0.5 + random.random::<f64>());
        }
    }
    observed.weights = weighted.then_some(weights);
    (observed, scores)
}

/// The rows of drawn users as rows of their own; a user drawn twice is two users.
fn drawn_rows(observed: &Observed, scores: &[f64], counts: &[f64]) -> (Observed, Vec<f64>) {
    let (user_of, users) = Unit::User(&observed.groups).numbered();
    let (mut rows, mut own) = (Observed::default(), Vec::new());
    let mut weights = Vec::new();
    for (row, user) in user_of.iter().enumerate() {
        let mut copy = 0;
        while f64::from(copy) < counts[*user] {
            rows.labels.push(observed.labels[row]);
            rows.groups
                .push(i64::from(copy) * 1_000 + i64::try_from(*user).unwrap());
            weights.push(observed.weights.as_ref().map_or(1.0, |w| w[row]));
            own.push(scores[row]);
            copy += 1;
        }
    }
    assert!(users < 1_000);
    rows.weights = observed.weights.is_some().then_some(weights);
    (rows, own)
}

/// Every figure in the order of [`ends`]; without ECE, whose interval is no percentile.
fn figures(m: &Measures) -> [Option<f64>; 9] {
    [
        m.roc_auc,
        m.pr_auc,
        m.logloss,
        m.gauc.value,
        m.accuracy,
        m.brier,
        m.ndcg_10,
        m.rmse,
        m.mae,
    ]
}

fn ends(i: &Intervals) -> [Option<Bounds>; 9] {
    [
        i.roc_auc, i.pr_auc, i.logloss, i.gauc, i.accuracy, i.brier, i.ndcg_10, i.rmse, i.mae,
    ]
}

fn close(found: Bounds, expected: Bounds) {
    let off = (found.low - expected.low)
        .abs()
        .max((found.high - expected.high).abs());
    assert!(off < 1e-9, "{found:?} {expected:?}");
}

#[test]
fn intervals_are_those_of_rows_drawn_one_by_one() {
    let bootstrap = Bootstrap {
        resamples: 40,
        ..Bootstrap::default()
    };
    for weighted in [false, true] {
        let (observed, scores) = example(&mut Xoshiro256PlusPlus::seed_from_u64(3), 25, weighted);
        let measures = Measures::of(&observed, &scores, Meaning::Probability);
        let (found, _) = resampled(&observed, &[(&scores, &measures)], &bootstrap)
            .pop()
            .unwrap();
        let (_, users) = Unit::User(&observed.groups).numbered();
        let (mut slow, mut eces) = (vec![Vec::new(); 9], Vec::new());
        bootstrap.each(Unit::Row(users), None, |counts| {
            let (rows, own) = drawn_rows(&observed, &scores, counts);
            let m = Measures::of(&rows, &own, Meaning::Probability);
            for (list, figure) in slow.iter_mut().zip(figures(&m)) {
                list.push(figure);
            }
            eces.push(m.ece);
        });
        for (found, slow) in ends(&found).into_iter().zip(&slow) {
            close(found.unwrap(), bootstrap.bounds(slow).unwrap());
        }
        let (ece, own) = (bootstrap.bounds(&eces).unwrap(), measures.ece.unwrap());
        let high = (2.0 * own - ece.low).max(0.0);
        assert!((found.ece.unwrap().high - high).abs() < 1e-9, "{found:?}");
    }
}

#[test]
fn intervals_of_one_seed_are_the_same_and_of_figures_that_are_there_alone() {
    let (observed, scores) = example(&mut Xoshiro256PlusPlus::seed_from_u64(4), 20, true);
    let of = |meaning, seed| {
        let bootstrap = Bootstrap {
            resamples: 50,
            seed,
            ..Bootstrap::default()
        };
        let measures = Measures::of(&observed, &scores, meaning);
        resampled(&observed, &[(&scores, &measures)], &bootstrap)[0].0
    };
    assert_eq!(of(Meaning::Probability, 1), of(Meaning::Probability, 1));
    assert_ne!(of(Meaning::Probability, 1), of(Meaning::Probability, 2));
    let order = of(Meaning::Order, 1);
    assert!(order.roc_auc.is_some() && order.gauc.is_some() && order.ndcg_10.is_some());
    let none = [
        order.logloss,
        order.accuracy,
        order.brier,
        order.ece,
        order.rmse,
        order.mae,
    ];
    assert_eq!(none, [None; 6]);
}

#[test]
fn figures_that_are_not_told_are_not_drawn() {
    use rankine_model::config::MetricName::{Auc, Mae};

    let (observed, scores) = example(&mut Xoshiro256PlusPlus::seed_from_u64(6), 10, false);
    let (user_of, users) = Unit::User(&observed.groups).numbered();
    let parts = |metrics: &[_]| {
        let told = (Meaning::Probability, metrics.to_vec().into());
        let measures = Measures::some(told, &observed, &scores);
        Parts::new(
            (&observed, &observed.groups),
            (&user_of, users),
            &(&scores, &measures),
        )
        .unwrap()
    };
    let mae = parts(&[Mae]);
    assert!(mae.distances.is_some() && mae.ranked.is_none() && mae.off.is_none());
    let none = [
        &mae.logloss,
        &mae.gauc,
        &mae.accuracy,
        &mae.brier,
        &mae.ndcg,
        &mae.squares,
    ];
    assert!(none.iter().all(|sums| sums.is_none()));
    let auc = parts(&[Auc]);
    assert!(auc.ranked.is_some() && auc.distances.is_none());
}

/// 80 data sets of one distribution: 95 % intervals hold the figure of very many users about as often as they say.
#[test]
fn intervals_hold_what_is_true() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let (many, scores) = example(&mut random, 6_000, false);
    let truth = Measures::of(&many, &scores, Meaning::Probability);
    let bootstrap = Bootstrap {
        resamples: 120,
        ..Bootstrap::default()
    };
    let (mut held, mut held_ece) = ([0; 9], 0);
    for _ in 0..80 {
        let (observed, scores) = example(&mut random, 60, false);
        let measures = Measures::of(&observed, &scores, Meaning::Probability);
        let (found, _) = resampled(&observed, &[(&scores, &measures)], &bootstrap)
            .pop()
            .unwrap();
        let inside = |bounds: Option<Bounds>, truth: Option<f64>| {
            let (bounds, truth) = (bounds.unwrap(), truth.unwrap());
            usize::from(bounds.low <= truth && truth <= bounds.high)
        };
        for ((held, bounds), truth) in held.iter_mut().zip(ends(&found)).zip(figures(&truth)) {
            *held += inside(bounds, truth);
        }
        held_ece += inside(found.ece, truth.ece);
    }
    // 95 % of 80 are 76; the binomial's 99.9 % range begins at 69
    assert!(held.iter().all(|held| *held >= 68), "{held:?}");
    // its interval is rougher
    assert!(held_ece >= 60, "{held_ece}");
}

#[test]
fn a_calibrated_model_may_have_no_calibration_error() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let scores: Vec<f64> = (0..800).map(|_| random.random()).collect();
    let labels = scores
        .iter()
        .map(|p| f64::from(u8::from(random.random::<f64>() < *p)));
    let observed = Observed {
        labels: labels.collect(),
        weights: None,
        groups: (0..800).map(|row| row / 8).collect(),
    };
    let bootstrap = Bootstrap {
        resamples: 100,
        ..Bootstrap::default()
    };
    let of = |scores: &[f64]| {
        let measures = Measures::of(&observed, scores, Meaning::Probability);
        let found = resampled(&observed, &[(scores, &measures)], &bootstrap);
        (measures.ece.unwrap(), found[0].0.ece.unwrap())
    };
    let (own, interval) = of(&scores);
    assert!(own > 0.01 && interval.low.abs() < 1e-12, "{own} {interval:?}");
    let bold: Vec<f64> = scores.iter().map(|p| p.powi(4)).collect();
    let (own, interval) = of(&bold);
    assert!(
        interval.low > 0.1 && interval.high < own + 0.1,
        "{own} {interval:?}"
    );
}
