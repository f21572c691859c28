//! What a search found: a table, the best first, and a picture of figures by trial.

use super::TuneConfig;
use super::journal::Trial;
use crate::report::trials;

/// The trials, the best first; of a trial the rung it came to last.
pub fn ranked(config: &TuneConfig, ended: &[Trial]) -> Vec<Trial> {
    let last = |trial: &&Trial| {
        !ended
            .iter()
            .any(|other| other.trial == trial.trial && other.rung > trial.rung)
    };
    let mut trials: Vec<Trial> = ended.iter().filter(last).cloned().collect();
    trials.sort_by(|a, b| {
        let rung = b.rung.cmp(&a.rung);
        rung.then(b.rank(config.higher()).total_cmp(&a.rank(config.higher())))
            .then(a.trial.cmp(&b.trial))
    });
    trials
}

/// The table as aligned text.
pub fn table(config: &TuneConfig, ended: &[Trial]) -> String {
    let keys: Vec<&String> = config.space.keys().collect();
    let mut lines = vec![
        ["trial", "epochs", config.metric.name(), "best epoch", "seconds"]
            .map(str::to_owned)
            .to_vec(),
    ];
    lines[0].extend(keys.iter().map(|key| (*key).clone()));
    for trial in ranked(config, ended) {
        let figure = trial
            .figure
            .map_or_else(|| "failed".to_owned(), |figure| format!("{figure:.5}"));
        let mut line = vec![
            trial.trial.to_string(),
            trial.epochs.to_string(),
            figure,
            trial.best_epoch.to_string(),
            format!("{:.1}", trial.seconds),
        ];
        line.extend(trial.values.iter().map(|set| {
            let value = set.split_once('=').map_or("", |(_, value)| value);
            value
                .parse::<f64>()
                .ok()
                .filter(|_| value.len() > 9)
                .map_or_else(|| value.to_owned(), |v| format!("{v:.4e}"))
        }));
        lines.push(line);
    }
    let width = |i: usize| {
        lines
            .iter()
            .filter_map(|l| l.get(i))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let text = lines.iter().map(|line| {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ")
    });
    text.collect::<Vec<_>>().join("\n")
}

/// Figures by trial, and the best so far, as SVG.
pub fn picture(config: &TuneConfig, name: &str, ended: &[Trial]) -> String {
    let points = ended
        .iter()
        .map(|t| (t.trial as f64, t.rung, t.figure.unwrap_or(f64::NAN)));
    trials::picture(
        &format!("Trials of {name}"),
        config.metric.name(),
        &points.collect::<Vec<_>>(),
        config.higher(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_the_last_rung_stands_first() {
        let text = "format = 1\nmodel = \"m\"\ntrials = 3\n[space]\nseed = { choices = [1, 2] }\n";
        let config = TuneConfig::parse(text, "t.toml").unwrap();
        let trial = |trial, rung, figure| Trial {
            trial,
            rung,
            epochs: 1,
            values: vec!["seed=1".to_owned()],
            figure,
            best_epoch: 1,
            seconds: 0.1,
            fault: None,
        };
        let ended = [
            trial(0, 0, Some(0.9)),
            trial(1, 0, Some(0.8)),
            trial(2, 0, None),
            trial(1, 1, Some(0.7)),
        ];
        let order: Vec<usize> = ranked(&config, &ended).iter().map(|t| t.trial).collect();
        assert_eq!(order, [1, 0, 2]);
        let table = table(&config, &ended);
        assert!(
            table.lines().next().unwrap().ends_with("seed") && table.contains("failed"),
            "{table}"
        );
        assert!(picture(&config, "m", &ended).starts_with("<svg"));
    }
}
