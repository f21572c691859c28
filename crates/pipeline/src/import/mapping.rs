//! The mapping file: which columns of which files are items, users and events.
//!
//! `config/mapping.toml` in the repository shows every key with its meaning. The decision: what was
//! written (this type) is checked once while reading the TOML; `mapped` then uses it as it is.

use rankine_config::Located;
use serde::Deserialize;

/// A whole mapping file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Format of the mapping file: 1.
    pub format: Located<u32>,
    /// Where items come from; without it, events list them.
    pub items: Option<ItemMapping>,
    /// Where users come from; without it, events list them.
    pub users: Option<UserMapping>,
    /// Where events come from.
    pub events: EventMapping,
}

/// How a text file is laid out, where that differs from what its ending says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextLayout {
    /// What separates cells.
    pub delimiter: Option<String>,
    /// Whether cells may stand in double quotes.
    pub quotes: Option<bool>,
    /// Column names of a file without header line.
    pub columns: Option<Vec<String>>,
    /// Whether the text is Latin-1 rather than UTF-8.
    pub latin1: bool,
}

/// Columns of the item file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemMapping {
    /// File name, relative to the mapping file.
    pub file: String,
    /// Layout of a text file.
    pub text: Option<TextLayout>,
    /// Column of the id.
    pub id: String,
    /// Column of the title.
    pub title: Option<String>,
    /// Column of the year; without it, "(1995)" at the end of a title is the year.
    pub year: Option<String>,
    /// Column of the genres (or categories).
    pub genres: Option<String>,
    /// What separates genres in their cell; default `|`.
    pub genre_separator: Option<String>,
    /// Column of the id at imdb.com.
    pub imdb_id: Option<String>,
    /// Column of the id at themoviedb.org.
    pub tmdb_id: Option<String>,
    /// Further columns to keep as text.
    #[serde(default)]
    pub extra: Vec<String>,
}

/// Columns of the user file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserMapping {
    /// File name, relative to the mapping file.
    pub file: String,
    /// Layout of a text file.
    pub text: Option<TextLayout>,
    /// Column of the id.
    pub id: String,
    /// Further columns to keep as text.
    #[serde(default)]
    pub extra: Vec<String>,
}

/// Columns of the event file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventMapping {
    /// File name, relative to the mapping file.
    pub file: String,
    /// Layout of a text file.
    pub text: Option<TextLayout>,
    /// Column of the user's id.
    pub user: String,
    /// Column of the item's id.
    pub item: String,
    /// Column of the time.
    pub time: String,
    /// Unit of the time; columns that are timestamps by type need none. Default seconds.
    #[serde(default)]
    pub time_unit: TimeUnit,
    /// Column of the value (rating, price, seconds).
    pub value: Option<String>,
    /// Lowest and highest value that is taken.
    pub range: Option<Located<[f64; 2]>>,
    /// Kind of every event; default `rating` with a value, `interaction` without.
    pub kind: Option<String>,
    /// Column of the kind, instead of one for all.
    pub kind_column: Option<String>,
    /// Column of the circumstances.
    pub context: Option<String>,
    /// What happens to events of items that the item file does not list. Default reject.
    #[serde(default)]
    pub unknown_items: UnknownItems,
}

/// Unit or form of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds since 1970.
    #[default]
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// `2017-01-01T11:53:26Z` (or with an offset), `2017-01-01 11:53:26`, or `2017-01-01`; UTC if not said.
    Iso8601,
}

impl std::fmt::Display for TimeUnit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
            Self::Iso8601 => "a date like 2017-01-01 or 2017-01-01T11:53:26Z",
        })
    }
}

/// What happens to events of items that are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownItems {
    /// They are rejects.
    #[default]
    Reject,
    /// The item is added, called by its id.
    Add,
}
