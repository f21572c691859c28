//! Numbers to SVG: curves, bars, histograms.
