//! Motifs: one geometric picture per genre, drawn on a square of 240 with the numbers of the film's seed.
//!
//! The decision: flat shapes of three colours, as on printed film posters of the sixties; no gradients, no filters, so
//! that a row of covers looks like one collection and a cover is two kilobytes.

mod brush;
mod horizon;
mod orbit;
mod play;
mod shadow;

pub(super) use brush::Brush;

/// Genres with a motif of their own, the most telling first: of a film's genres the first in this list decides.
pub(in crate::pages) const GENRES: [&str; 18] = [
    "Film-Noir",
    "Western",
    "War",
    "Musical",
    "Horror",
    "Sci-Fi",
    "Documentary",
    "Animation",
    "Mystery",
    "Fantasy",
    "Children",
    "Crime",
    "Romance",
    "Adventure",
    "Thriller",
    "Action",
    "Comedy",
    "Drama",
];

/// Draws the motif of a genre; the field behind it is there already.
pub(super) fn draw(genre: &str, brush: &mut Brush) {
    match genre {
        "Film-Noir" => shadow::film_noir(brush),
        "Western" => horizon::western(brush),
        "War" => horizon::war(brush),
        "Musical" => play::musical(brush),
        "Horror" => shadow::horror(brush),
        "Sci-Fi" => orbit::sci_fi(brush),
        "Documentary" => orbit::documentary(brush),
        "Animation" => play::animation(brush),
        "Mystery" => shadow::mystery(brush),
        "Fantasy" => horizon::fantasy(brush),
        "Children" => play::children(brush),
        "Crime" => shadow::crime(brush),
        "Romance" => orbit::romance(brush),
        "Adventure" => horizon::adventure(brush),
        "Thriller" => shadow::thriller(brush),
        "Action" => orbit::action(brush),
        "Comedy" => play::comedy(brush),
        _ => horizon::drama(brush),
    }
}
