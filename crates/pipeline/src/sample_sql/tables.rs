//! The tables that samples are made of, with documented names where none is given.

use std::collections::BTreeMap;

use rankine_table::Kind;

use super::json::Object;
use super::outputs::Origin;

/// Types that a text file's columns may be given.
const TYPES: [(&str, Kind); 4] = [
    ("int", Kind::Int),
    ("float", Kind::Float),
    ("string", Kind::Text),
    ("timestamp", Kind::Time),
];

/// What users did: one row per event, impressions among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// The table.
    pub table: String,
    /// The user's column.
    pub user: String,
    /// The item's column.
    pub item: String,
    /// The column of the request that showed the item, if there is one.
    pub request: Option<String>,
    /// The column of the event's time.
    pub time: String,
    /// The column of the event's day, a text as 20261122 or 2026-11-22.
    pub partition: String,
    /// All its columns, if they are known: others are faults of the selection.
    pub columns: Option<Vec<String>>,
    /// Types of columns, where its rows are read from text files.
    pub types: BTreeMap<String, Kind>,
}

/// A feature: a column, and its name in the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The column.
    pub column: String,
    /// The name.
    pub name: String,
}

impl Feature {
    /// Reads `age` or `age as user_age`.
    #[must_use]
    pub fn parse(text: &str) -> Feature {
        let (column, name) = text.split_once(" as ").unwrap_or((text, text));
        Feature {
            column: column.trim().to_owned(),
            name: name.trim().to_owned(),
        }
    }
}

/// Features of users or of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The table.
    pub table: String,
    /// The column of the user or the item.
    pub key: String,
    /// The time from which a row holds; a key has a row per change.
    pub time: Option<String>,
    /// The day whose end a row is a picture of; a key has a row per day.
    pub partition: Option<String>,
    /// The features; none: all columns.
    pub features: Option<Vec<Feature>>,
    /// Columns that never change, and so need no time.
    pub fixed: Vec<String>,
    /// Types of columns, where its rows are read from text files.
    pub types: BTreeMap<String, Kind>,
}

impl Side {
    /// The column by which rows of a key are older and younger.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.time.as_deref().or(self.partition.as_deref())
    }

    /// Lists all of its columns as features, key and version aside, where none are listed.
    pub fn list(&mut self, columns: &[String]) {
        if self.features.is_some() {
            return;
        }
        let taken = [
            Some(self.key.as_str()),
            self.time.as_deref(),
            self.partition.as_deref(),
        ];
        let free = columns.iter().filter(|c| !taken.contains(&Some(c.as_str())));
        self.features = Some(free.map(|c| Feature::parse(c)).collect());
    }
}

/// The three tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// What users did.
    pub behaviour: Behaviour,
    /// Features of users.
    pub user: Option<Side>,
    /// Features of items.
    pub item: Option<Side>,
}

impl Default for Tables {
    fn default() -> Tables {
        Tables {
            behaviour: Behaviour {
                table: "behaviour".to_owned(),
                user: "user_id".to_owned(),
                item: "item_id".to_owned(),
                request: None,
                time: "event_time".to_owned(),
                partition: "dt".to_owned(),
                columns: None,
                types: BTreeMap::new(),
            },
            user: Some(default_side("user_features", "user_id")),
            item: Some(default_side("item_features", "item_id")),
        }
    }
}

fn default_side(table: &str, key: &str) -> Side {
    Side {
        table: table.to_owned(),
        key: key.to_owned(),
        time: Some("update_time".to_owned()),
        partition: None,
        features: None,
        fixed: Vec::new(),
        types: BTreeMap::new(),
    }
}

impl Tables {
    /// The types that a table's text files are read with: those given, and days as texts.
    pub(super) fn types_of(&self, origin: Origin) -> BTreeMap<String, Kind> {
        let side = match origin {
            Origin::User => self.user.as_ref(),
            Origin::Item => self.item.as_ref(),
            Origin::Behaviour | Origin::Label => None,
        };
        let (mut types, day) = match side {
            Some(side) => (side.types.clone(), side.partition.clone()),
            None => (
                self.behaviour.types.clone(),
                Some(self.behaviour.partition.clone()),
            ),
        };
        types.extend(day.map(|day| (day, Kind::Text)));
        types
    }

    /// Reads `behaviour`, `user` and `item` of an object.
    pub(super) fn read(mut object: Object<'_, '_>) -> Tables {
        let mut tables = Tables::default();
        if let Some(behaviour) = object.object("behaviour") {
            tables.behaviour = read_behaviour(behaviour, tables.behaviour);
        }
        let keys = (tables.behaviour.user.clone(), tables.behaviour.item.clone());
        tables.user = read_side(&mut object, "user", ("user_features", &keys.0));
        tables.item = read_side(&mut object, "item", ("item_features", &keys.1));
        object.finish();
        tables
    }
}

fn read_behaviour(mut object: Object<'_, '_>, default: Behaviour) -> Behaviour {
    let mut given = |key, other| object.text(key).unwrap_or(other);
    let read = Behaviour {
        table: given("table", default.table),
        user: given("user", default.user),
        item: given("item", default.item),
        time: given("time", default.time),
        partition: given("partition", default.partition),
        request: object.text("request"),
        columns: object.texts("columns"),
        types: object.words("types", &TYPES),
    };
    object.finish();
    read
}

/// A side's table; `null` leaves it out.
fn read_side(tables: &mut Object<'_, '_>, name: &'static str, (table, key): (&str, &str)) -> Option<Side> {
    let default = default_side(table, key);
    if tables.is_null(name) {
        tables.take(name);
        return None;
    }
    let Some(mut object) = tables.object(name) else {
        return Some(default);
    };
    let (dated, timeless) = (object.has("partition"), object.is_null("time"));
    if timeless {
        object.take("time");
    }
    let time = object.text("time");
    let side = Side {
        table: object.text("table").unwrap_or(default.table),
        key: object.text("key").unwrap_or(default.key),
        partition: object.text("partition"),
        features: object
            .texts("features")
            .map(|list| list.iter().map(|f| Feature::parse(f)).collect()),
        fixed: object.texts("fixed").unwrap_or_default(),
        types: object.words("types", &TYPES),
        time: if dated || timeless {
            time
        } else {
            time.or(default.time)
        },
    };
    if side.time.is_some() && side.partition.is_some() {
        let message = "expected `time` (a row per change) or `partition` (a row per day), got both";
        object.fault("partition", message, None);
    }
    object.finish();
    Some(side)
}
