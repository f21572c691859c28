//! What was trained is served: training's forward and the serving scorer give the same scores.

use rankine_model::{Network, Scorer};
use rankine_train::bootstrap::Bootstrap;
use rankine_train::encode::Encoder;
use rankine_train::evaluate::score;
use rankine_train::model::{Net, Settings};
use rankine_train::run::predict;
use rankine_train::{RowsSource, SampleRow, Silent, evaluate, loss::Loss, train};

use crate::samples::{models, plan, samples};

/// Held-out rows, some with users and items that training never saw.
fn held_out() -> RowsSource {
    let mut rows: Vec<SampleRow> = samples(500, 5).rows().to_vec();
    for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| i % 4 == 0) {
        row.user[0] = rankine_feature::Value::Int(1000 + i as i64);
    }
    RowsSource::new(rows)
}

#[test]
fn training_and_serving_agree_for_every_kind() {
    for (name, config) in models() {
        let (mut learn, mut judge) = (samples(2000, 1), samples(10, 2));
        let plan = plan(&mut learn);
        let trained = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap();
        let network = Network::compile(&config, &plan).unwrap();
        let settings = Settings::new(&config);
        let mut encoder = Encoder::new(plan.clone(), network.clone(), Loss::Bce);
        encoder.learn(&mut learn).unwrap();
        let cache = encoder.apply(&mut held_out()).unwrap();
        let mut net = Net::<f32>::new(&network, &settings, encoder.vocabularies());
        net.import(&trained.parameters).unwrap();
        let logits = predict(&mut net, &cache, 100);
        let scorer = Scorer::new(&network, &trained.parameters).unwrap();
        let served = score(&plan, &scorer, &mut held_out()).unwrap().scores;
        assert_eq!(served.len(), logits.len());
        for (i, (served, logit)) in served.iter().zip(logits).enumerate() {
            let trained = f64::from(Loss::Bce.answer(logit));
            assert!(
                (served - trained).abs() < 1e-5,
                "{name}, sample {i}: {served} served, {trained} trained"
            );
        }
    }
}

#[test]
fn an_evaluation_stands_beside_its_baselines() {
    let (name, config) = models().remove(1);
    let (mut learn, mut judge) = (samples(4000, 1), samples(1500, 2));
    let plan = plan(&mut learn);
    let trained = train(&config, plan.clone(), &mut learn, &mut judge, &mut Silent, None).unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let bootstrap = Bootstrap {
        resamples: 100,
        ..Bootstrap::default()
    };
    let evaluation = evaluate(
        "test",
        (name, &plan, &scorer),
        &mut judge,
        |scored| {
            assert!(scored.items.iter().all(|item| (0..40).contains(item)));
            vec![("constant".into(), vec![0.5; scored.scores.len()])]
        },
        &bootstrap,
    )
    .unwrap();
    assert_eq!((evaluation.rows, evaluation.lines.len()), (1500, 2));
    assert!(evaluation.lines[0].measures.roc_auc.unwrap() > 0.75);
    assert!(evaluation.differences[0].interval.above_zero());
}
