//! `GET /cover/<id>.svg`: the drawn cover of a film, as no posters ship.
//!
//! Title, year and genres → one SVG of 240 × 360: a genre's motif in a mood's palette, the title typeset. The decision:
//! a pure function of what the catalogue says, so that a cover is the same on every machine and can be cached by its
//! content's tag.

mod motif;
mod palette;
mod seed;
mod typeset;

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::assets::{self, Kind};
use super::fault::Fault;
use super::title;
use crate::error::ApiError;
use crate::state::State as Live;
use motif::Brush;
use palette::Palette;
use rankine_chart::escape;
use seed::Seed;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 18.0;
/// Share of the font size between baselines.
const LEADING: f64 = 1.12;
const SERIF: &str = "'Iowan Old Style','Palatino Linotype',Palatino,Georgia,'DejaVu Serif Condensed',serif";
const SANS: &str =
    "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans Condensed',sans-serif";

/// What a cover is drawn from.
#[derive(Debug, Clone, Copy)]
struct Subject<'a> {
    title: &'a str,
    year: Option<i64>,
    genres: &'a [Arc<str>],
}

/// Where the motif and the title go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Motif above, from edge to edge.
    Above,
    /// Motif below, from edge to edge.
    Below,
    /// Motif above, within margins.
    Framed,
}

pub(super) async fn get(
    State(state): State<Arc<Live>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let id = file.strip_suffix(".svg").and_then(|id| id.parse::<i64>().ok());
    let id = id.ok_or_else(|| ApiError::not_found("cover", &file))?;
    let drawn = state.compute(move |state| {
        let film = state.film(id)?;
        Ok(draw(Subject {
            title: &film.title,
            year: film.year,
            genres: &film.genres,
        }))
    });
    Ok(assets::tagged(Kind::Drawing, drawn.await?, &headers))
}

/// Draws a cover: one self-contained SVG document.
fn draw(film: Subject<'_>) -> String {
    let name = title::reading_order(film.title);
    let mut seed = Seed::new(&format!("{}\u{1f}{}", film.title, film.year.unwrap_or(0)));
    let genre = main_genre(film.genres);
    let palettes = palette::of(genre);
    let palette = palettes[seed.below(palettes.len())];
    let layout = [Layout::Above, Layout::Above, Layout::Below, Layout::Framed][seed.below(4)];
    let mut brush = Brush {
        palette,
        seed,
        out: String::new(),
    };
    motif::draw(genre, &mut brush);
    let mut out = open(&name, film, palette);
    place(&mut out, layout, palette, &brush.out);
    letter(&mut out, layout, palette, (&name, film, genre));
    out.push_str("</svg>");
    out
}

/// The genre that decides the looks: the most telling one that has a motif.
fn main_genre(genres: &[Arc<str>]) -> &'static str {
    let known = motif::GENRES
        .into_iter()
        .find(|known| genres.iter().any(|genre| **genre == **known));
    known.unwrap_or("none")
}

fn open(name: &str, film: Subject<'_>, palette: Palette) -> String {
    let year = film.year.map(|year| format!(" ({year})")).unwrap_or_default();
    let mut out = String::with_capacity(4096);
    let _ = write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img"><title>{}{year}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="{}"/>"#,
        escape(name),
        palette.ground
    );
    out
}

/// Puts the motif, drawn on a square of 240, into its box; a nested `svg` clips it.
fn place(out: &mut String, layout: Layout, palette: Palette, motif: &str) {
    let [x, y, width, height] = match layout {
        Layout::Above => [0.0, 0.0, WIDTH, 226.0],
        Layout::Below => [0.0, 134.0, WIDTH, 226.0],
        Layout::Framed => [MARGIN, MARGIN, WIDTH - 2.0 * MARGIN, 204.0],
    };
    let _ = write!(
        out,
        r#"<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="0 0 240 240" preserveAspectRatio="xMidYMax slice"><rect width="240" height="240" fill="{}"/>{motif}</svg>"#,
        palette.field
    );
}

/// Writes the title, and year and genre at the foot (or the head) of the title's block.
fn letter(
    out: &mut String,
    layout: Layout,
    palette: Palette,
    (name, film, genre): (&str, Subject<'_>, &str),
) {
    let set = typeset::set(main_part(name), WIDTH - 2.0 * MARGIN);
    let (top, note) = match layout {
        Layout::Above => (236.0, HEIGHT - 13.0),
        Layout::Below => (30.0, 24.0),
        Layout::Framed => (230.0, HEIGHT - 13.0),
    };
    let family = if serif(genre) { SERIF } else { SANS };
    let _ = write!(
        out,
        r#"<g fill="{}"><g font-family="{family}" font-weight="700" font-size="{}">"#,
        palette.ink, set.size
    );
    for (line, row) in set.lines.iter().zip(1u8..) {
        let y = top + set.size * LEADING * f64::from(row) - set.size * 0.16;
        let _ = write!(out, r#"<text x="{MARGIN}" y="{y:.1}">{}</text>"#, escape(line));
    }
    let _ = write!(
        out,
        r#"</g><g font-family="{SANS}" font-size="9.5" letter-spacing="1.1" opacity=".78">"#
    );
    if let Some(year) = film.year {
        let _ = write!(out, r#"<text x="{MARGIN}" y="{note}">{year}</text>"#);
    }
    let genres: Vec<String> = film
        .genres
        .iter()
        .take(2)
        .map(|genre| genre.to_uppercase())
        .collect();
    let _ = write!(
        out,
        r#"<text x="{}" y="{note}" text-anchor="end">{}</text></g></g>"#,
        WIDTH - MARGIN,
        escape(&genres.join(" · "))
    );
}

/// The title without a second one in parentheses, unless nothing is left.
fn main_part(name: &str) -> &str {
    match name.split_once(" (") {
        Some((main, _)) if !main.trim().is_empty() => main,
        _ => name,
    }
}

/// Whether a genre's titles are set in a serif.
fn serif(genre: &str) -> bool {
    matches!(
        genre,
        "Drama" | "Romance" | "War" | "Fantasy" | "Mystery" | "Western" | "Film-Noir" | "Documentary"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::markup::assert_well_formed;
    use proptest::prelude::*;

    fn genres(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn cover(title: &str, names: &[&str]) -> String {
        draw(Subject {
            title,
            year: Some(1995),
            genres: &genres(names),
        })
    }

    #[test]
    fn a_cover_is_the_films_own_and_always_the_same() {
        assert_eq!(cover("Heat", &["Crime"]), cover("Heat", &["Crime"]));
        assert_ne!(cover("Heat", &["Crime"]), cover("Heat", &["Comedy"]));
        assert_ne!(
            cover("Heat", &["Crime"]).replace("Heat", ""),
            cover("Ronin", &["Crime"]).replace("Ronin", "")
        );
    }

    #[test]
    fn every_genre_has_a_picture_of_its_own() {
        let drawn: std::collections::BTreeSet<String> = motif::GENRES
            .iter()
            .map(|genre| cover("Heat", &[genre]))
            .collect();
        assert_eq!(drawn.len(), motif::GENRES.len());
        drawn.iter().for_each(|svg| assert_well_formed(svg));
    }

    #[test]
    fn the_most_telling_genre_decides() {
        assert_eq!(main_genre(&genres(&["Comedy", "Drama", "Western"])), "Western");
        assert_eq!(main_genre(&genres(&["IMAX", "Drama"])), "Drama");
        assert_eq!(main_genre(&genres(&["(no genres listed)"])), "none");
    }

    #[test]
    fn a_film_called_script_is_text() {
        let svg = cover("<script>alert(1)</script>", &["<b>\"&'"]);
        assert_well_formed(&svg);
        assert!(
            !svg.contains("<script") && svg.contains("&lt;script&gt;"),
            "{svg}"
        );
    }

    proptest! {
        #[test]
        fn any_title_and_genre_make_well_formed_svg(
            title in any::<String>(),
            genre in prop_oneof![prop::sample::select(motif::GENRES.to_vec()).prop_map(str::to_owned), any::<String>()],
            year in any::<Option<i64>>(),
        ) {
            let genres = [genre.as_str().into()];
            let svg = draw(Subject { title: &title, year, genres: &genres });
            assert_well_formed(&svg);
            prop_assert!(svg.len() < 16_000, "{} bytes", svg.len());
        }
    }
}
