//! Colours and type of all charts, as one style sheet with class names that start with `rk`.
//!
//! Flow: embedded by the canvas into every document. Decision: a chart carries both palettes and its own paper, so that
//! it is readable as a file, as an `<img>` and inline, on light and dark. A page that inlines charts may set
//! `--chart-paper`, `--chart-ink`, `--chart-mute`, `--chart-grid` and `--chart-1` … `--chart-6`; those win.

/// How many series colours there are; series beyond it start over.
pub(crate) const COLOURS: usize = 6;

/// Light-mode colours for viewers without CSS variables; the style sheet overrides them.
const PLAIN: [&str; COLOURS] = ["#2563c9", "#c2570c", "#12805c", "#7c3fc4", "#c02f4f", "#0e7490"];

/// Series colours are Okabe-Ito hues, darkened or lightened until they stand 3:1 against their paper.
pub(crate) const CSS: &str = "\
.rk{--rk-paper:var(--chart-paper,#fff);--rk-ink:var(--chart-ink,#1b2430);--rk-mute:var(--chart-mute,#586574);\
--rk-grid:var(--chart-grid,#e4e9ef);--rk-quiet:var(--chart-quiet,#9aa7b5);\
--rk-1:var(--chart-1,#2563c9);--rk-2:var(--chart-2,#c2570c);--rk-3:var(--chart-3,#12805c);\
--rk-4:var(--chart-4,#7c3fc4);--rk-5:var(--chart-5,#c02f4f);--rk-6:var(--chart-6,#0e7490);color:var(--rk-ink)}\
@media (prefers-color-scheme:dark){.rk{--rk-paper:var(--chart-paper,#141a22);--rk-ink:var(--chart-ink,#e8edf3);\
--rk-mute:var(--chart-mute,#9aa8b8);--rk-grid:var(--chart-grid,#2a3440);--rk-quiet:var(--chart-quiet,#6b7a8a);\
--rk-1:var(--chart-1,#7db0ff);--rk-2:var(--chart-2,#ffa65c);--rk-3:var(--chart-3,#5fd3a4);\
--rk-4:var(--chart-4,#c8a3ff);--rk-5:var(--chart-5,#ff8fa3);--rk-6:var(--chart-6,#58cbe0)}}\
.rk text{fill:var(--rk-ink);font-variant-numeric:tabular-nums}\
.rk .rk-title{font-size:15px;font-weight:650}.rk .rk-mute{fill:var(--rk-mute);font-size:11.5px}\
.rk .rk-note{stroke:var(--rk-paper);stroke-width:3px;paint-order:stroke}\
.rk .rk-paper{fill:var(--rk-paper)}.rk .rk-box{fill:var(--rk-paper);stroke:var(--rk-mute)}.rk .rk-name{font-weight:600}\
.rk .rk-grid{stroke:var(--rk-grid);stroke-width:1}.rk .rk-axis{stroke:var(--rk-mute);stroke-width:1}\
.rk .rk-mark{stroke:var(--rk-mute);stroke-width:1.25;stroke-dasharray:2 4;stroke-linecap:round}\
.rk .rk-whisker{stroke:var(--rk-ink);stroke-width:1.5;stroke-linecap:round}\
.rk path{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}\
.rk .rk-band{fill:var(--rk-mute);fill-opacity:.16;stroke:none}\
.rk circle{stroke:var(--rk-paper);stroke-width:1.5}\
.rk .rk-f0{fill:var(--rk-quiet)}\
.rk .rk-s1{stroke:var(--rk-1)}.rk .rk-s2{stroke:var(--rk-2)}.rk .rk-s3{stroke:var(--rk-3)}\
.rk .rk-s4{stroke:var(--rk-4)}.rk .rk-s5{stroke:var(--rk-5)}.rk .rk-s6{stroke:var(--rk-6)}\
.rk .rk-f1{fill:var(--rk-1)}.rk .rk-f2{fill:var(--rk-2)}.rk .rk-f3{fill:var(--rk-3)}\
.rk .rk-f4{fill:var(--rk-4)}.rk .rk-f5{fill:var(--rk-5)}.rk .rk-f6{fill:var(--rk-6)}";

/// Names the stroke class of series `index` (0-based).
pub(crate) fn stroke(index: usize) -> String {
    format!("rk-s{}", index % COLOURS + 1)
}

/// Names the fill class of series `index` (0-based).
pub(crate) fn fill(index: usize) -> String {
    format!("rk-f{}", index % COLOURS + 1)
}

/// Presentation attributes of a class for viewers that do not know CSS variables (they ignore the style sheet's).
pub(crate) fn plain(class: &str) -> String {
    let colour = |digit: &str| {
        digit
            .parse::<usize>()
            .ok()
            .and_then(|n| PLAIN.get(n.wrapping_sub(1)).copied())
    };
    match class {
        "rk-paper" => r##" fill="#fff""##.to_owned(),
        "rk-box" => r##" fill="#fff" stroke="#586574""##.to_owned(),
        "rk-grid" => r##" stroke="#e4e9ef""##.to_owned(),
        "rk-axis" | "rk-mark" => r##" stroke="#586574""##.to_owned(),
        "rk-whisker" => r##" stroke="#1b2430""##.to_owned(),
        "rk-band" => r##" fill="#586574" fill-opacity=".16""##.to_owned(),
        "rk-f0" => r##" fill="#9aa7b5""##.to_owned(),
        other => match (other.strip_prefix("rk-s"), other.strip_prefix("rk-f")) {
            (Some(digit), _) => colour(digit)
                .map(|c| format!(r#" stroke="{c}" fill="none""#))
                .unwrap_or_default(),
            (_, Some(digit)) => colour(digit)
                .map(|c| format!(r#" fill="{c}""#))
                .unwrap_or_default(),
            _ => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(hex: &str) -> f64 {
        let digits: String = match hex.len() {
            4 => hex[1..].chars().flat_map(|c| [c, c]).collect(),
            _ => hex[1..].to_owned(),
        };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }

    fn variable(sheet: &str, name: &str) -> String {
        let start = sheet.find(&format!("--chart-{name},")).unwrap() + name.len() + 9;
        sheet[start..start + sheet[start..].find(')').unwrap()].to_owned()
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_series_stand_out_on_both_papers() {
        let dark = CSS.find("@media").unwrap();
        for sheet in [&CSS[..dark], &CSS[dark..]] {
            let paper = variable(sheet, "paper");
            for (name, least) in [
                ("ink", 7.0),
                ("mute", 4.5),
                ("1", 4.5),
                ("2", 4.5),
                ("3", 4.5),
                ("4", 4.5),
            ] {
                let found = contrast(&variable(sheet, name), &paper);
                assert!(found >= least, "{name} on {paper}: {found}");
            }
        }
    }

    #[test]
    fn colours_start_over() {
        assert_eq!(stroke(0), "rk-s1");
        assert_eq!(stroke(COLOURS), "rk-s1");
        assert_eq!(fill(7), "rk-f2");
        assert_eq!(plain("rk-s1"), r##" stroke="#2563c9" fill="none""##);
        assert_eq!(plain("rk-s99"), "");
    }
}
