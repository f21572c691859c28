//! Colours of covers: small palettes by mood, and which of them suit a genre.
//!
//! In the flow: picked by genre and seed, read by the motifs and the typesetting. The decision: palettes are chosen by
//! hand and tested for contrast, because computed colours are either dull or unreadable.

/// Colours of one cover, as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    /// Behind the title.
    pub(super) ground: &'static str,
    /// The title; stands out on `ground`.
    pub(super) ink: &'static str,
    /// Behind the motif.
    pub(super) field: &'static str,
    /// Main shape.
    pub(super) a: &'static str,
    /// Second shape.
    pub(super) b: &'static str,
    /// Accent.
    pub(super) c: &'static str,
}

const fn palette(colours: [&'static str; 6]) -> Palette {
    let [ground, ink, field, a, b, c] = colours;
    Palette {
        ground,
        ink,
        field,
        a,
        b,
        c,
    }
}

const EMBER: Palette = palette(["#f3e9dc", "#2b1a14", "#d9482b", "#f6b042", "#7a1f1a", "#f3e9dc"]);
const MIDNIGHT: Palette = palette(["#14213d", "#f4efe4", "#1d2f57", "#f2b84b", "#4f7cac", "#e5e9f0"]);
const MOSS: Palette = palette(["#e9ebdf", "#1f2d23", "#4c6b4f", "#c9d6a3", "#24382a", "#e8a04c"]);
const ROSE: Palette = palette(["#fbeae6", "#4a1524", "#e58f8f", "#b23a55", "#f7cfc4", "#6d1f3a"]);
const NOIR: Palette = palette(["#16161a", "#eeeae2", "#24242b", "#eeeae2", "#5c5c66", "#c0392b"]);
const LAGOON: Palette = palette(["#e3f0ef", "#0f3438", "#2a8c8c", "#f4d35e", "#0f4c54", "#ee964b"]);
const PLUM: Palette = palette(["#2a1a3a", "#f2e9f5", "#4b2a63", "#e0a3d8", "#8f5fb0", "#f5c26b"]);
const SAND: Palette = palette(["#efe2c6", "#3d2a17", "#d99a4e", "#a8502d", "#f4cf8a", "#5b3a22"]);
const ICE: Palette = palette(["#eaf1f7", "#16324a", "#a9c8e2", "#2f6690", "#f7fbff", "#d1495b"]);
const CITRUS: Palette = palette(["#fff4d6", "#3a2c0a", "#ffc145", "#ff6b4a", "#2d9c8f", "#fff4d6"]);
const BLOOD: Palette = palette(["#1a0f10", "#f2dedb", "#5e1218", "#c1272d", "#2a0c0f", "#e9c9a6"]);
const SPACE: Palette = palette(["#0d1026", "#e6e9ff", "#171c42", "#6c7bf2", "#2dd4bf", "#f7d070"]);
const CANDY: Palette = palette(["#f1e7fb", "#33204d", "#8b6fd6", "#ffd166", "#ef6f9b", "#49c5b6"]);
const STEEL: Palette = palette(["#dfe4e8", "#1e2a33", "#6a7f8f", "#2e4250", "#b9c7d1", "#e2703a"]);
const WINE: Palette = palette(["#3b1320", "#f7e6dc", "#6b1f35", "#d98c5f", "#a33b4f", "#f2d0a4"]);
const FOREST: Palette = palette(["#12281f", "#eaf2e3", "#1f4434", "#8fbf7f", "#356b50", "#e9c46a"]);
const PAPER: Palette = palette(["#f7f4ee", "#22201c", "#e5ddcf", "#2f4858", "#c8553d", "#e3b23c"]);
const SKY: Palette = palette(["#f0f6fb", "#10293f", "#6db3e8", "#ffffff", "#2b6cb0", "#ffcf56"]);

/// Palettes that suit a genre; never empty.
pub(super) fn of(genre: &str) -> &'static [Palette] {
    match genre {
        "Action" => &[EMBER, STEEL, MIDNIGHT, CITRUS],
        "Adventure" => &[LAGOON, SAND, SKY, MOSS],
        "Animation" => &[CANDY, CITRUS, SKY, LAGOON],
        "Children" => &[CITRUS, SKY, CANDY, ROSE],
        "Comedy" => &[CITRUS, ROSE, LAGOON, SKY, PAPER],
        "Crime" => &[STEEL, WINE, NOIR, EMBER],
        "Documentary" => &[PAPER, MOSS, STEEL, ICE],
        "Drama" => &[PAPER, WINE, ICE, MIDNIGHT, MOSS, SAND],
        "Fantasy" => &[PLUM, FOREST, CANDY, MIDNIGHT],
        "Film-Noir" => &[NOIR],
        "Horror" => &[BLOOD, NOIR, FOREST],
        "Musical" => &[ROSE, PLUM, CITRUS, CANDY],
        "Mystery" => &[MIDNIGHT, PLUM, FOREST, STEEL],
        "Romance" => &[ROSE, WINE, ICE, PLUM],
        "Sci-Fi" => &[SPACE, MIDNIGHT, ICE, LAGOON],
        "Thriller" => &[EMBER, NOIR, STEEL, BLOOD, MIDNIGHT],
        "War" => &[MOSS, SAND, STEEL, FOREST],
        "Western" => &[SAND, EMBER, WINE],
        _ => &[PAPER, ICE, MOSS, STEEL],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::cover::motif::GENRES;

    /// Relative luminance of WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.039_28 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_title_can_be_read() {
        for genre in GENRES.iter().chain(&["unheard of"]) {
            for palette in of(genre) {
                let (ground, ink) = (luminance(palette.ground), luminance(palette.ink));
                let contrast = (ground.max(ink) + 0.05) / (ground.min(ink) + 0.05);
                assert!(contrast >= 7.0, "{genre} {palette:?}: {contrast}");
            }
        }
    }
}
