//! The part of the state that events change: user and film records, feature rows, counters.
//!
//! One [`Writer`] at a time applies events, in the log's order; it computes rows before it takes the lock, so that
//! readers wait for a few assignments only. Replaying at start goes through the same writer, but computes rows once
//! at the end. Item rows carry a number that grows with every change: equal number, equal row.

use super::record::{FilmRecord, UserRecord};
use super::stored::{self, StoredRows};
use rankine_feature::FieldType;
use rankine_pipeline::{AggregateConfig, Aggregates, Event};
use rankine_predict::{FeatureRows, ItemKey, Row, RowLayout};
use rankine_recommend::{Catalogue, Item, Stats};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

/// Names of the three kinds of feature rows.
pub(crate) struct Layouts {
    user: RowLayout,
    item: RowLayout,
    context: RowLayout,
}

impl Layouts {
    fn new() -> Self {
        let names = |fields: &[(&'static str, FieldType)]| RowLayout::new(fields.iter().map(|f| f.0));
        Layouts {
            user: names(Aggregates::user_fields()),
            item: names(Aggregates::item_fields()),
            context: names(Aggregates::context_fields()),
        }
    }
}

/// What readers see.
#[derive(Default)]
struct World {
    users: FxHashMap<i64, Arc<UserRecord>>,
    /// By position in the catalogue.
    films: Vec<Arc<FilmRecord>>,
    user_rows: FxHashMap<i64, Row>,
    /// By position in the catalogue, with their numbers.
    item_rows: Vec<(Row, u64)>,
    /// Items that came into being after the catalogue was loaded.
    arrivals: Arc<FxHashMap<i64, Arc<Item>>>,
    /// What events tell of items that the catalogue lacks, and their rows.
    others: FxHashMap<i64, Other>,
    /// Users known only from the live log.
    new_users: usize,
    last_time: i64,
    base: u64,
    live: u64,
}

/// An item that the catalogue lacks.
#[derive(Clone, Default)]
struct Other {
    record: Arc<FilmRecord>,
    stats: Stats,
    /// Once it has arrived.
    row: Option<(Row, u64)>,
}

/// The live state, shared by the writer and all readers.
pub(crate) struct Live {
    /// Items with live statistics.
    pub(crate) catalogue: Arc<Catalogue>,
    layouts: Layouts,
    /// Aggregates of no event at all: what samples know of ids nobody has seen.
    blank: Aggregates,
    /// Rows of ids that no event tells of.
    stored: OnceLock<StoredRows>,
    world: RwLock<World>,
    clock: rankine_dict::Clock,
}

/// Counters for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) users: usize,
    pub(crate) base: u64,
    pub(crate) live: u64,
    pub(crate) last_time: i64,
}

impl Live {
    /// State before any event; `users` are the ids known from the catalogue.
    pub(crate) fn new(
        catalogue: Arc<Catalogue>,
        users: impl IntoIterator<Item = i64>,
        clock: rankine_dict::Clock,
    ) -> Self {
        // films share the empty record until their first event
        let empty = Arc::new(FilmRecord::default());
        let films = catalogue.items().iter().map(|_| empty.clone()).collect();
        let users = users
            .into_iter()
            .map(|id| (id, Arc::new(UserRecord::new(id))))
            .collect();
        let world = World {
            films,
            users,
            ..World::default()
        };
        Live {
            catalogue,
            layouts: Layouts::new(),
            blank: Aggregates::new(
                &rankine_pipeline::Catalogue::default(),
                AggregateConfig::default(),
            ),
            stored: OnceLock::new(),
            world: RwLock::new(world),
            clock,
        }
    }

    /// From now on ids that no event tells of are looked up there.
    pub(crate) fn fall_back(&self, stored: StoredRows) {
        // set once, while opening
        self.stored.set(stored).ok();
    }

    /// A user as events tell, else as the store's row does.
    pub(crate) fn user_record(&self, id: i64) -> Option<Arc<UserRecord>> {
        let known = self.read().users.get(&id).cloned();
        known.or_else(|| {
            Some(Arc::new(stored::record(
                &self.catalogue,
                id,
                &self.stored_user(id)?,
            )))
        })
    }

    fn stored_user(&self, id: i64) -> Option<Row> {
        let values = self.stored.get()?.user(id)?;
        Some(Row::new(&self.layouts.user, values))
    }

    fn stored_item(&self, id: i64) -> Option<Row> {
        let values = self.stored.get()?.item(id)?;
        Some(Row::new(&self.layouts.item, values))
    }

    pub(crate) fn film_record(&self, id: i64) -> Option<Arc<FilmRecord>> {
        self.film_records(&[id]).remove(&id)
    }

    /// An item that came into being after the catalogue was loaded.
    pub(crate) fn arrival(&self, id: i64) -> Option<Arc<Item>> {
        self.read().arrivals.get(&id).cloned()
    }

    /// What events tell of an item that the catalogue lacks, whether or not it has arrived.
    pub(crate) fn told_of(&self, id: i64) -> Arc<FilmRecord> {
        let world = self.read();
        let other = world.others.get(&id);
        other.map(|other| other.record.clone()).unwrap_or_default()
    }

    /// All of them, by id.
    pub(crate) fn arrivals(&self) -> Arc<FxHashMap<i64, Arc<Item>>> {
        self.read().arrivals.clone()
    }

    /// Rating statistics of an item, whether or not the catalogue has it.
    pub(crate) fn stats(&self, id: i64) -> Stats {
        let of_others = || self.read().others.get(&id).map(|other| other.stats);
        self.catalogue.stats(id).or_else(of_others).unwrap_or_default()
    }

    /// Forgets arrivals that are gone; what events told of them stays.
    pub(crate) fn forget(&self, ids: &[i64]) {
        self.change(|world| {
            let arrivals = Arc::make_mut(&mut world.arrivals);
            for id in ids {
                arrivals.remove(id);
            }
        });
    }

    /// Records of several films under one hold of the lock; unknown ones are left out.
    pub(crate) fn film_records(&self, ids: &[i64]) -> FxHashMap<i64, Arc<FilmRecord>> {
        let world = self.read();
        let record = |&id: &i64| Some((id, world.record(self.catalogue.position(id), id)?));
        ids.iter().filter_map(record).collect()
    }

    /// Rows of the items in their order; `None` for an unknown one. One hold of the lock.
    pub(crate) fn item_rows(&self, ids: &[i64]) -> Vec<Option<(Row, u64)>> {
        let world = self.read();
        let row = |&id: &i64| world.row(self.catalogue.position(id), id).cloned();
        ids.iter().map(row).collect()
    }

    /// Items with the numbers of their rows now, in their order; 0 for an unknown one. One hold of the lock.
    pub(crate) fn item_keys(&self, ids: &[i64]) -> Vec<ItemKey> {
        let world = self.read();
        let number = |id| Some(world.row(self.catalogue.position(id), id)?.1);
        let key = |&id: &i64| ItemKey {
            id,
            version: number(id).unwrap_or(0),
        };
        ids.iter().map(key).collect()
    }

    /// Ids of all users, ascending.
    pub(crate) fn user_ids(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.read().users.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a user is known or may still become known.
    pub(crate) fn has_room(&self, user: i64, new_users: usize) -> bool {
        let world = self.read();
        world.new_users < new_users || world.users.contains_key(&user)
    }

    /// The context of a request at `time`.
    pub(crate) fn context_row(&self, time: i64) -> Row {
        Row::new(&self.layouts.context, Aggregates::context_row(time))
    }

    pub(crate) fn counts(&self) -> Counts {
        let world = self.read();
        Counts {
            users: world.users.len(),
            base: world.base,
            live: world.live,
            last_time: world.last_time,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl World {
    /// A row by the item's place in the catalogue, or among the others.
    fn row(&self, position: Option<usize>, id: i64) -> Option<&(Row, u64)> {
        match position {
            Some(position) => self.item_rows.get(position),
            None => self.others.get(&id)?.row.as_ref(),
        }
    }

    /// A record likewise; of an arrival without events an empty one.
    fn record(&self, position: Option<usize>, id: i64) -> Option<Arc<FilmRecord>> {
        if let Some(position) = position {
            return self.films.get(position).cloned();
        }
        self.arrivals.get(&id)?;
        let other = self.others.get(&id);
        Some(other.map(|other| other.record.clone()).unwrap_or_default())
    }

    /// Takes in an event of an item that the catalogue lacks.
    fn observe_other(&mut self, event: &Event) {
        let other = self.others.entry(event.item).or_default();
        Arc::make_mut(&mut other.record).observe(event);
        if let Some(value) = AggregateConfig::rating(event) {
            other.stats.add(value);
        }
    }
}

impl FeatureRows for Live {
    fn user(&self, id: i64) -> Option<Row> {
        let known = self.read().user_rows.get(&id).cloned();
        // counts of zero and an empty history, as in the samples of a user's first events
        let known = known.or_else(|| self.stored_user(id));
        Some(known.unwrap_or_else(|| Row::new(&self.layouts.user, self.blank.user_row(id))))
    }

    fn item(&self, id: i64) -> Option<(Row, u64)> {
        let known = self.read().row(self.catalogue.position(id), id).cloned();
        // nobody tells when a stored row changes, so it is not cached
        let known = known.or_else(|| Some((self.stored_item(id)?, 0)));
        Some(known.unwrap_or_else(|| (Row::new(&self.layouts.item, self.blank.item_row(id)), 0)))
    }

    fn context(&self) -> Option<Row> {
        Some(self.context_row((self.clock)()))
    }
}

/// The one who applies events.
pub(crate) struct Writer {
    live: Arc<Live>,
    aggregates: Aggregates,
    kinds: FxHashMap<String, Arc<str>>,
    changes: u64,
    /// While set, rows are not computed event by event.
    replaying: bool,
}

impl Writer {
    /// A writer that replays until [`Writer::finish_replay`].
    pub(crate) fn new(live: Arc<Live>, aggregates: Aggregates) -> Self {
        Writer {
            live,
            aggregates,
            kinds: FxHashMap::default(),
            changes: 0,
            replaying: true,
        }
    }

    /// The state it writes.
    #[cfg(test)]
    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.clone()
    }

    /// Applies an event of the imported file; the catalogue has its rating already.
    pub(crate) fn apply_base(&mut self, event: &Event) {
        self.record(event);
        self.live.change(|world| {
            world.base += 1;
            // the imported file's users are there whatever the limit
            world.new_users = 0;
        });
    }

    /// Applies an event of the live log.
    pub(crate) fn apply(&mut self, event: &Event) {
        if let Some(value) = AggregateConfig::rating(event) {
            self.live.catalogue.rate(event.item, value);
        }
        self.record(event);
        self.live.change(|world| world.live += 1);
        if !self.replaying {
            self.publish(&[event.user], &[event.item]);
        }
    }

    /// Takes over items that came into being after the catalogue was loaded, or have changed since; those of the catalogue
    /// itself stay as they are.
    pub(crate) fn introduce(&mut self, items: Vec<rankine_pipeline::Item>) {
        let live = self.live.clone();
        let fresh = items
            .into_iter()
            .filter(|item| live.catalogue.position(item.id).is_none());
        let fresh: Vec<rankine_pipeline::Item> = fresh.collect();
        fresh.iter().for_each(|item| self.aggregates.introduce(item));
        let arrived = fresh
            .iter()
            .map(|item| (item.id, Arc::new(super::open::item(item))));
        let arrived: Vec<(i64, Arc<Item>)> = arrived.collect();
        let ids: Vec<i64> = arrived.iter().map(|(id, _)| *id).collect();
        live.change(|world| {
            for (id, _) in &arrived {
                // a printed form has the title of its time
                let other = world.others.entry(*id).or_default();
                other.record = Arc::new(other.record.unprinted());
            }
            Arc::make_mut(&mut world.arrivals).extend(arrived);
        });
        self.publish(&[], &ids);
    }

    /// Computes all rows; from here on every event publishes its own.
    pub(crate) fn finish_replay(&mut self) {
        let users = self.live.user_ids();
        let items: Vec<i64> = self.live.catalogue.items().iter().map(|item| item.id).collect();
        let empty = Row::new(&self.live.layouts.item, vec![]);
        self.live
            .change(|world| world.item_rows = vec![(empty, 0); items.len()]);
        self.publish(&users, &items);
        self.replaying = false;
    }

    fn record(&mut self, event: &Event) {
        self.aggregates.observe(event);
        let kind = self.kind(&event.kind);
        let live = self.live.clone();
        let position = live.catalogue.position(event.item);
        let counts = self.aggregates.config().verdict(event).is_some();
        live.change(|world| {
            let before = world.users.len();
            let user = world
                .users
                .entry(event.user)
                .or_insert_with(|| Arc::new(UserRecord::new(event.user)));
            Arc::make_mut(user).observe(&live.catalogue, event, &kind, counts);
            world.new_users += world.users.len() - before;
            match position.and_then(|p| world.films.get_mut(p)) {
                Some(film) => Arc::make_mut(film).observe(event),
                None => world.observe_other(event),
            }
            world.last_time = world.last_time.max(event.time);
        });
    }

    fn publish(&mut self, users: &[i64], items: &[i64]) {
        let live = self.live.clone();
        let user_row = |&id: &i64| (id, Row::new(&live.layouts.user, self.aggregates.user_row(id)));
        let user_rows: Vec<(i64, Row)> = users.iter().map(user_row).collect();
        let known = |id: i64| live.catalogue.position(id).is_some() || live.arrival(id).is_some();
        let item_row = |&id: &i64| (id, Row::new(&live.layouts.item, self.aggregates.item_row(id)));
        let item_rows: Vec<(i64, Row)> = items.iter().filter(|id| known(**id)).map(item_row).collect();
        self.changes += 1;
        let number = self.changes;
        live.change(|world| {
            world.user_rows.extend(user_rows);
            for (id, row) in item_rows {
                match live.catalogue.position(id) {
                    Some(position) => world.item_rows[position] = (row, number),
                    None => world.others.entry(id).or_default().row = Some((row, number)),
                }
            }
        });
    }

    fn kind(&mut self, kind: &str) -> Arc<str> {
        if let Some(known) = self.kinds.get(kind) {
            return known.clone();
        }
        let shared: Arc<str> = kind.into();
        self.kinds.insert(kind.to_owned(), shared.clone());
        shared
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rankine_feature::Value;
    use std::collections::BTreeMap;

    fn item(id: i64) -> rankine_pipeline::Item {
        let genres = vec!["Drama".to_owned()];
        let (title, extra) = (format!("Film {id}"), BTreeMap::new());
        rankine_pipeline::Item {
            id,
            key: None,
            title,
            release_year: None,
            genres,
            imdb_id: None,
            tmdb_id: None,
            extra,
        }
    }

    /// A writer over films 1 and 2 and user 6, before the end of its replay.
    pub(crate) fn writer() -> Writer {
        let source = rankine_pipeline::Catalogue::new(vec![item(1), item(2)], vec![]);
        let items = [1, 2].map(|id| rankine_recommend::Item::new(id, "x")).to_vec();
        let live = Live::new(Arc::new(Catalogue::new(items, [])), [6], Arc::new(|| 77));
        Writer::new(
            Arc::new(live),
            Aggregates::new(&source, AggregateConfig::default()),
        )
    }

    /// A rating by user 6.
    pub(in crate::state) fn event(time: i64, item: i64, value: f64) -> Event {
        let kind = "rating".to_owned();
        Event {
            time,
            seq: time.unsigned_abs(),
            user: 6,
            item,
            kind,
            value: Some(value),
            context: None,
        }
    }

    #[test]
    fn an_event_is_in_the_rows_at_once_and_changes_the_number() {
        let mut writer = writer();
        writer.finish_replay();
        let live = writer.live.clone();
        let before = live.item(1).unwrap().1;
        let untouched = live.item(2).unwrap().1;
        writer.apply(&event(5, 1, 4.0));
        assert_eq!(
            FeatureRows::user(&*live, 6).unwrap().get("userRatedMovie1"),
            Some(&Value::Int(1))
        );
        let (row, number) = live.item(1).unwrap();
        assert_eq!(row.get("movieRatingCount"), Some(&Value::Int(1)));
        assert!(number > before);
        assert_eq!(live.item(2).unwrap().1, untouched);
    }

    #[test]
    fn ids_that_nobody_knows_have_the_rows_of_samples_before_any_event() {
        let mut writer = writer();
        writer.finish_replay();
        let user = FeatureRows::user(&*writer.live, 404).unwrap();
        assert_eq!(user.values(), writer.aggregates.user_row(404));
        assert_eq!(user.get("userRatingCount"), Some(&Value::Int(0)));
        let (item, version) = writer.live.item(404).unwrap();
        assert_eq!((item.values(), version), (&*writer.aggregates.item_row(404), 0));
    }

    #[test]
    fn replayed_rows_equal_lived_ones() {
        let events = [event(1, 1, 4.0), event(2, 2, 2.0), event(3, 1, 5.0)];
        let (mut lived, mut replayed) = (writer(), writer());
        lived.finish_replay();
        events.iter().for_each(|e| lived.apply(e));
        events.iter().for_each(|e| replayed.apply(e));
        replayed.finish_replay();
        for id in [1, 2] {
            assert_eq!(
                lived.live.item(id).unwrap().0.values(),
                replayed.live.item(id).unwrap().0.values()
            );
            assert_eq!(lived.live.catalogue.stats(id), replayed.live.catalogue.stats(id));
        }
        let user = |w: &Writer| FeatureRows::user(&*w.live, 6).unwrap().values().to_vec();
        assert_eq!(user(&lived), user(&replayed));
        assert_eq!(lived.live.counts(), replayed.live.counts());
    }

    #[test]
    fn a_kind_that_the_aggregates_do_not_count_is_kept_and_is_no_like() {
        let without = |kind: &str| Event {
            kind: kind.to_owned(),
            value: None,
            ..event(5, 2, 0.0)
        };
        for (kind, liked) in [
            ("click", vec![2]),
            ("impression", vec![]),
            ("interaction", vec![]),
        ] {
            let mut writer = writer();
            writer.apply(&without(kind));
            writer.finish_replay();
            let user = writer.live.user_record(6).unwrap();
            let row = FeatureRows::user(&*writer.live, 6).unwrap();
            let rated = liked.first().map_or(Value::Missing, |&id| Value::Int(id));
            assert_eq!(row.get("userRatedMovie1"), Some(&rated), "{kind}: the row");
            assert_eq!(
                user.state.positives().collect::<Vec<_>>(),
                liked,
                "{kind}: recall"
            );
            assert_eq!(user.state.has_seen(2), !liked.is_empty(), "{kind}");
            assert_eq!(user.events.len(), 1, "{kind} is kept");
        }
    }

    #[test]
    fn a_value_that_cannot_be_summed_is_no_rating_anywhere() {
        let mut writer = writer();
        writer.apply(&event(5, 1, 2e6));
        writer.finish_replay();
        let user = writer.live.user_record(6).unwrap();
        assert_eq!((user.ratings().count(), user.state.positives().len()), (0, 0));
        assert_eq!(writer.live.film_record(1).unwrap().top.len(), 0);
        assert_eq!(writer.live.catalogue.stats(1).unwrap_or_default().count, 0);
    }

    #[test]
    fn an_arrival_has_record_row_and_ratings_and_keeps_them_when_it_changes() {
        let mut writer = writer();
        writer.finish_replay();
        let live = writer.live.clone();
        writer.apply(&event(5, 9, 4.0));
        assert!(live.film_record(9).is_none(), "nobody knows film 9 yet");
        writer.introduce(vec![item(9), item(1)]);
        assert_eq!(live.arrivals().len(), 1, "film 1 is the catalogue's own");
        writer.apply(&event(6, 9, 2.0));
        let (row, number) = live.item(9).unwrap();
        assert_eq!(row.get("movieRatingCount"), Some(&Value::Int(2)));
        assert_eq!(row.get("movieGenre1"), Some(&Value::Str("Drama".into())));
        assert_eq!(
            (live.stats(9).count, live.film_record(9).unwrap().top.len()),
            (2, 2)
        );
        let renamed = rankine_pipeline::Item {
            genres: vec!["Comedy".to_owned()],
            ..item(9)
        };
        writer.introduce(vec![renamed]);
        let (row, newer) = live.item(9).unwrap();
        assert_eq!(row.get("movieGenre1"), Some(&Value::Str("Comedy".into())));
        assert!(newer > number && live.item_keys(&[9])[0].version == newer);
        live.forget(&[9]);
        assert!(live.arrival(9).is_none() && live.film_record(9).is_none());
        assert_eq!(live.stats(9).count, 2, "its ratings are history");
    }

    #[test]
    fn the_number_of_a_row_is_never_the_one_that_means_do_not_cache() {
        let mut writer = writer();
        writer.finish_replay();
        assert!(writer.live.item(1).unwrap().1 > 0);
    }
}
