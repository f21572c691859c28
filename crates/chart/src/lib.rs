//! Numbers to SVG: line charts, bars, histograms, reliability diagrams and boxes with arrows for model cards, reports and pages.
//!
//! Flow: numbers from anywhere → builder → one self-contained `<svg>` string, drawn on the server. Decision: no script, no
//! font, no plotting crate; every document carries both palettes (light, dark), a title and a description for screen
//! readers, and all text passes one escaping function. Drawing never fails: what is not finite is left out.
//!
//! ```
//! use rankine_chart::{Curve, Frame};
//!
//! let svg = Curve::new(Frame::new("AUC").x_axis("epoch"))
//!     .series("train", &[(1.0, 0.74), (2.0, 0.79), (3.0, 0.82)])
//!     .series("valid", &[(1.0, 0.73), (2.0, 0.76), (3.0, 0.75)])
//!     .reference("item + user mean", 0.7707)
//!     .mark("best", 2.0)
//!     .svg();
//! assert!(svg.starts_with("<svg") && svg.contains("<title>AUC</title>"));
//! ```

mod bars;
mod curve;
mod flow;
mod frame;
mod histogram;
mod panels;
mod reliability;
mod scale;
mod svg;
mod theme;
#[cfg(test)]
mod well_formed;

pub use bars::Bars;
pub use curve::Curve;
pub use flow::Flow;
pub use frame::Frame;
pub use histogram::{Bin, Histogram};
pub use panels::{Chart, Panels};
pub use reliability::Reliability;
pub use svg::escape;
