//! Writes one of each chart into a folder: `cargo run -p rankine-chart --example gallery -- OUT`.
//!
//! Decision: the pictures are for looking at; tests check structure, people check taste.

use rankine_chart::{Bars, Bin, Curve, Frame, Histogram, Panels, Reliability};

const TRAIN: [f64; 9] = [0.661, 0.602, 0.578, 0.561, 0.549, 0.538, 0.529, 0.521, 0.514];
const VALID: [f64; 9] = [0.639, 0.597, 0.581, 0.572, 0.568, 0.566, 0.567, 0.569, 0.573];
const AUC: [f64; 9] = [0.701, 0.742, 0.758, 0.766, 0.771, 0.7735, 0.773, 0.7712, 0.769];

fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    (1_u32..).map(f64::from).zip(values.iter().copied()).collect()
}

fn training() -> Panels {
    let frame = |title: &str| Frame::new(title).x_axis("epoch").size(430.0, 300.0);
    let loss = Curve::new(frame("Loss"))
        .series("train", &numbered(&TRAIN))
        .series("valid", &numbered(&VALID));
    let auc = Curve::new(frame("Validation ROC-AUC")).series("valid", &numbered(&AUC));
    let auc = auc
        .reference("item mean", 0.7366)
        .reference("item + user mean", 0.7707);
    Panels::new("Training", 2)
        .with(loss.mark("best", 6.0))
        .with(auc.mark("best", 6.0))
}

fn metrics() -> Bars {
    Bars::new(Frame::new("ROC-AUC on held-out ratings").x_axis("95 % interval, bootstrap by user"))
        .bar_between("Wide&Deep", 0.7962, (0.7911, 0.8009))
        .bar_between("EmbeddingMLP", 0.7951, (0.7902, 0.8001))
        .bar_between("NeuralCF", 0.7742, (0.7688, 0.7791))
        .quiet_bar("item mean + user mean", 0.7707)
        .quiet_bar("item mean", 0.7366)
        .quiet_bar("constant", 0.5)
        .origin(0.5)
}

fn ratings() -> Bars {
    let counts = [4.0, 11.0, 6.0, 31.0, 18.0, 96.0, 54.0, 171.0, 62.0, 118.0];
    let frame = Frame::new("Ratings")
        .x_axis("stars")
        .y_axis("number of ratings")
        .size(430.0, 260.0);
    (1_u32..)
        .zip(counts)
        .fold(Bars::new(frame).upright(), |bars, (half, count)| {
            bars.bar(format!("{}", f64::from(half) / 2.0), count)
        })
}

fn latency() -> Histogram {
    let bins: Vec<Bin> = (0_u32..24)
        .map(|i| {
            let low = f64::from(i) * 0.25;
            Bin {
                low,
                high: low + 0.25,
                count: (1800.0 * low * (-low * 1.6).exp()).round(),
            }
        })
        .collect();
    Histogram::counted(
        Frame::new("Latency")
            .x_axis("ms")
            .y_axis("requests")
            .size(430.0, 260.0),
        &bins,
    )
}

fn calibration() -> Reliability {
    let scores: Vec<f64> = (0_u32..4000).map(|i| f64::from(i * 37 % 1000) / 1000.0).collect();
    let labels: Vec<f64> = scores
        .iter()
        .zip(0_u32..)
        .map(|(s, i)| f64::from(u8::from(f64::from(i * 61 % 97) / 97.0 < s * s)))
        .collect();
    let frame = Frame::new("Calibration")
        .x_axis("predicted")
        .y_axis("happened")
        .size(430.0, 340.0);
    Reliability::new(frame).series("too sure of itself", &labels, &scores, 10)
}

fn main() -> std::io::Result<()> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let side_by_side = Panels::new("Gallery", 2)
        .with(ratings())
        .with(latency())
        .with(calibration());
    for (name, svg) in [
        ("training", training().svg()),
        ("metrics", metrics().svg()),
        ("panels", side_by_side.svg()),
        ("empty", Curve::new("Nothing yet").series("a", &[]).svg()),
    ] {
        std::fs::write(folder.join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}
