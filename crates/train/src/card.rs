//! The model card: what a model is, what it learnt from, and how good it is beside trivial baselines.
//!
//! Flow: a finished training run → [`Card`] → `card.md`, `curve.svg`, `reliability.svg` and `report.html` in the artefact
//! folder. Decision: the card is made
//! from the run's own figures, so nothing in it is written by hand, and the picture is a file beside it, because Markdown
//! viewers strip inline SVG.

use rankine_chart::{Curve, Frame, Panels, Reliability};
use rankine_model::outline::Outline;

use crate::metric::{Evaluation, Measures, markdown_cell};
use crate::progress::EpochReport;
use crate::ranking::Ranking;

/// File name of the training curve that the card refers to.
pub const CURVE_FILE: &str = "curve.svg";

/// File name of the reliability plot that the card refers to.
pub const RELIABILITY_FILE: &str = "reliability.svg";

/// File name of the page that holds everything the card says, pictures included.
pub const REPORT_FILE: &str = "report.html";

/// What goes into a model card; empty parts are left out.
///
/// ```
/// use rankine_train::card::Card;
/// let card = Card { name: "widedeep".into(), what: "Ranks films for a user.".into(), ..Card::default() };
/// assert!(card.markdown().starts_with("# widedeep\n"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Card {
    /// Name of the model.
    pub name: String,
    /// One or two sentences: what it predicts, for whom.
    pub what: String,
    /// Facts in order, such as kind, version, conf and its hash, parameters, seconds of training.
    pub facts: Vec<(String, String)>,
    /// What it was trained on: files, rows, time span, hash.
    pub data: Vec<(String, String)>,
    /// How the data was split, in words.
    pub split: String,
    /// The model file (TOML).
    pub config: String,
    /// Held-out figures, one per part of the split.
    pub evaluations: Vec<Evaluation>,
    /// Lists over all items.
    pub rankings: Vec<Ranking>,
    /// The run, epoch by epoch.
    pub history: Vec<EpochReport>,
    /// Whose weights the model has.
    pub kept: Kept,
    /// What the model should not be used for, and known weaknesses.
    pub limits: Vec<String>,
    /// The network, layer by layer.
    pub network: Option<Outline>,
}

/// Whose weights a trained model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kept {
    /// Those of the last epoch.
    #[default]
    Last,
    /// Those of this epoch, which early stopping chose.
    Best(usize),
    /// Those of a second training over all samples, of as many epochs as the first one's best.
    Anew(usize),
}

impl Kept {
    /// The sentence of card and report.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Last => "Weights of the last epoch are kept.".to_owned(),
            Self::Best(epoch) => format!("Weights of epoch {epoch} are kept."),
            Self::Anew(epochs) => {
                format!("Weights are those of a second training: {epochs} epochs over all samples.")
            }
        }
    }

    /// The epoch that was chosen, if one was.
    fn chosen(self) -> Option<usize> {
        match self {
            Self::Last => None,
            Self::Best(epoch) | Self::Anew(epoch) => Some(epoch),
        }
    }
}

impl Card {
    /// The card as Markdown; it shows [`CURVE_FILE`] when there is a history.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", markdown_cell(&self.name));
        section(&mut text, "", &self.what);
        section(&mut text, "", &table(&self.facts));
        section(
            &mut text,
            "## Data\n\n",
            &[table(&self.data), paragraph(&self.split)].concat(),
        );
        section(&mut text, "## Metrics\n\n", &self.metrics());
        section(&mut text, "## Training\n\n", &self.training());
        let network = self
            .network
            .as_ref()
            .map(|network| format!("```\n{network}\n```\n"));
        section(&mut text, "## Network\n\n", &network.unwrap_or_default());
        section(&mut text, "## Limits\n\n", &list(&self.limits));
        section(&mut text, "## Configuration\n\n", &fenced(&self.config));
        text
    }

    /// The training curve as SVG: loss, ROC-AUC and, of probabilities, accuracy by epoch, the one that was chosen marked, the
    /// best baseline as a level line.
    pub fn curve(&self) -> String {
        let frame = |title: &str| Frame::new(title).x_axis("epoch").size(440.0, 300.0);
        let loss = Curve::new(frame("Loss"))
            .series("training", &self.series(|e| e.loss))
            .series("validation", &self.series(|e| e.valid_loss));
        let mut auc = Curve::new(frame("ROC-AUC"))
            .series("training", &self.series(|e| e.auc))
            .series("validation", &self.series(|e| e.valid_auc));
        if let Some((name, value)) = self.best_baseline() {
            auc = auc.reference(name, value);
        }
        let mut drawn = vec![loss, auc];
        if self.history.iter().any(|e| e.accuracy.is_some()) {
            let accuracy = Curve::new(frame("Accuracy"))
                .series("training", &self.series(|e| e.accuracy.unwrap_or(f64::NAN)))
                .series(
                    "validation",
                    &self.series(|e| e.valid_accuracy.unwrap_or(f64::NAN)),
                );
            drawn.push(accuracy);
        }
        if let Some(best) = self.kept.chosen() {
            drawn = drawn
                .into_iter()
                .map(|curve| curve.mark("best", best as f64))
                .collect();
        }
        let panels = Panels::new(format!("Training of {}", self.name), 2);
        drawn.into_iter().fold(panels, Panels::with).svg()
    }

    /// The reliability plot as SVG: what models predicted against what happened; none where no model gives probabilities.
    pub fn reliability(&self) -> Option<String> {
        let mut plot = Reliability::new(Frame::new("Calibration").size(440.0, 340.0));
        let mut any = false;
        let lines = self.evaluations.iter().flat_map(|e| &e.lines);
        for line in lines.filter(|line| !line.calibration.is_empty()) {
            let bins = line
                .calibration
                .iter()
                .map(|b| (b.predicted, b.observed, b.weight));
            plot = plot.binned(&line.name, &bins.collect::<Vec<_>>());
            any = true;
        }
        any.then(|| plot.svg())
    }

    fn series(&self, figure: impl Fn(&EpochReport) -> f64) -> Vec<(f64, f64)> {
        self.history
            .iter()
            .map(|epoch| (epoch.epoch as f64, figure(epoch)))
            .collect()
    }

    /// The strongest baseline of the first evaluation, to draw beside the curve.
    fn best_baseline(&self) -> Option<(String, f64)> {
        let lines = &self.evaluations.first()?.lines;
        let named = lines
            .iter()
            .filter(|l| l.baseline)
            .filter_map(|l| Some((l.name.clone(), l.measures.roc_auc?)));
        named.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn metrics(&self) -> String {
        let mut tables: Vec<String> = self.evaluations.iter().map(Evaluation::markdown).collect();
        if self.reliability().is_some() {
            tables.push(format!("![Predicted against observed]({RELIABILITY_FILE})\n"));
        }
        tables.extend(self.rankings.iter().map(Ranking::markdown));
        tables.join("\n")
    }

    fn training(&self) -> String {
        let Some(last) = self.history.last() else {
            return String::new();
        };
        let (epochs, seconds, kept) = (self.history.len(), last.elapsed_s, self.kept.sentence());
        format!("![Figures by epoch]({CURVE_FILE})\n\n{epochs} epochs in {seconds:.1} s. {kept}\n")
    }

    /// The figures of this model (the first line that is no baseline) in the last evaluation.
    pub fn measures(&self) -> Option<&Measures> {
        let lines = &self.evaluations.last()?.lines;
        lines
            .iter()
            .find(|line| !line.baseline)
            .map(|line| &line.measures)
    }
}

fn section(text: &mut String, heading: &str, body: &str) {
    let body = body.trim_end();
    if !body.is_empty() {
        *text += &format!("\n{heading}{body}\n");
    }
}

fn paragraph(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("\nSplit: {text}\n")
    }
}

fn table(rows: &[(String, String)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let row = |(name, value): &(String, String)| {
        format!("| {} | {} |\n", markdown_cell(name), markdown_cell(value))
    };
    format!("| | |\n|---|---|\n{}", rows.iter().map(row).collect::<String>())
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// A code block whose fence is longer than any run of backticks inside.
fn fenced(code: &str) -> String {
    if code.is_empty() {
        return String::new();
    }
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}toml\n{}\n{fence}\n", code.trim_end())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bootstrap::Bootstrap;
    use crate::metric::{Evaluator, Observed};

    fn epoch(epoch: usize, valid_auc: f64, best: bool) -> EpochReport {
        EpochReport {
            epoch,
            loss: 0.7 - 0.05 * epoch as f64,
            auc: 0.6 + 0.05 * epoch as f64,
            valid_loss: f64::NAN,
            valid_auc,
            samples_per_s: 1e6,
            elapsed_s: 0.5 * epoch as f64,
            best,
            ..EpochReport::default()
        }
    }

    pub(crate) fn card() -> Card {
        let observed = Observed {
            labels: vec![1.0, 0.0, 1.0, 0.0],
            weights: None,
            groups: vec![1, 1, 2, 2],
        };
        let evaluation = Evaluator::new("test", observed)
            .model("widedeep", vec![0.9, 0.2, 0.7, 0.4])
            .baseline("item mean", vec![0.5, 0.6, 0.8, 0.5])
            .finish(&Bootstrap {
                resamples: 50,
                ..Bootstrap::default()
            });
        Card {
            name: "widedeep".into(),
            what: "Ranks films for a user.".into(),
            facts: vec![("kind".into(), "widedeep".into()), ("conf".into(), "a|b".into())],
            data: vec![("rows".into(), "4".into())],
            split: "per user by time".into(),
            config: "kind = \"widedeep\"\n".into(),
            evaluations: vec![evaluation],
            rankings: Vec::new(),
            history: vec![epoch(1, 0.7, false), epoch(2, 0.8, true), epoch(3, 0.79, false)],
            kept: Kept::Best(2),
            limits: vec!["Knows nothing of films added later.".into()],
            network: None,
        }
    }

    #[test]
    fn the_card_has_all_parts_in_order() {
        let text = card().markdown();
        let parts = [
            "# widedeep\n",
            "Ranks films for a user.",
            "| conf | a\\|b |",
            "## Data",
            "Split: per user by time",
            "## Metrics",
            "| widedeep | 1.0000 |",
            "| (item mean) | 0.",
            "![Predicted against observed](reliability.svg)",
            "![Figures by epoch](curve.svg)",
            "3 epochs in 1.5 s. Weights of epoch 2 are kept.",
            "- Knows nothing of films added later.",
            "```toml\nkind = \"widedeep\"\n```",
        ];
        let places: Vec<Option<usize>> = parts.iter().map(|part| text.find(part)).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{places:?}\n{text}"
        );
        assert!(!text.contains("\n\n\n"), "{text}");
    }

    #[test]
    fn the_curve_marks_the_best_epoch_and_the_baseline() {
        let svg = card().curve();
        assert_eq!(svg.matches(">best</text>").count(), 2);
        assert!(svg.contains("item mean 0."), "{svg}");
        assert!(svg.contains("<title>Training of widedeep</title>"));
        let mut told = card();
        told.history[0].accuracy = Some(0.75);
        let svg = told.curve();
        assert_eq!(svg.matches(">best</text>").count(), 3);
        assert!(svg.contains(">Accuracy</text>"), "{svg}");
    }

    #[test]
    fn without_early_stop_no_epoch_is_said_to_be_kept() {
        let last = Card {
            kept: Kept::Last,
            ..card()
        };
        assert!(
            last.markdown()
                .contains("3 epochs in 1.5 s. Weights of the last epoch are kept.")
        );
        assert!(!last.curve().contains(">best</text>"));
        let anew = Card {
            kept: Kept::Anew(2),
            ..card()
        };
        let text = anew.markdown();
        assert!(
            text.contains("a second training: 2 epochs over all samples")
                && !text.contains("epoch 2 are kept"),
            "{text}"
        );
    }

    #[test]
    fn an_empty_card_is_its_title() {
        let card = Card {
            name: "m".into(),
            ..Card::default()
        };
        assert_eq!(card.markdown(), "# m\n");
        assert!(card.curve().starts_with("<svg"));
        assert_eq!(card.measures(), None);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("a ``` b"), "````toml\na ``` b\n````\n");
    }

    #[test]
    fn its_own_figures_are_found() {
        assert_eq!(card().measures().unwrap().roc_auc, Some(1.0));
    }
}
