use super::*;
use crate::Frame;
use crate::metric::Bounds;
use crate::progress::Silent;
use crate::source::{RowsSource, SampleRow};
use rankine_model::{ModelConfig, Network};

const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }, { name = "history", type = "list<int>" }]
schema.item = [{ name = "itemId", type = "int" }]
schema.context = []
sample = { label = ["label"], group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "item"
class = "id"
slot = 2
depend = ["itemId"]
"#;

fn row((user, item, time): (i64, i64, i64), label: f32) -> SampleRow {
    SampleRow {
        user: vec![Value::Int(user), Value::ints(&[])],
        item: vec![Value::Int(item)],
        label,
        weight: 1.0,
        time,
        group: user,
        item_id: item,
        ..SampleRow::default()
    }
}

/// Items 1 (3 users), 2 (2), 3 (1), 4 (1), met by users 1 to 4.
fn learnt() -> RowsSource {
    let met = [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 3), (4, 4)];
    RowsSource::new((0..).zip(met).map(|(t, (u, i))| row((u, i, t), 1.0)).collect())
}

/// User 3 likes 2 (and 1, which he knows), user 4 likes 3 and not 2, user 1 nothing.
fn held() -> RowsSource {
    RowsSource::new(vec![
        row((3, 2, 20), 1.0),
        row((3, 1, 21), 1.0),
        row((4, 3, 22), 1.0),
        row((4, 2, 23), 0.0),
        row((1, 3, 24), 0.0),
    ])
}

fn ranked(options: &RankingOptions) -> Ranking {
    ranked_of((learnt(), held()), options)
}

/// Lists of popularity, learnt from the first samples.
fn ranked_of((mut learnt, mut held): (RowsSource, RowsSource), options: &RankingOptions) -> Ranking {
    let plan = Plan::compile(CONF, "conf", None).unwrap();
    let text = "format = 1\nconf = \"shop\"\nkind = \"popularity\"\nmatrix = { item = 2 }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    let trained = crate::matrix::train(
        &config,
        &plan,
        &mut learnt,
        &Frame::default(),
        (&mut Silent, None),
    )
    .unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let mut world = World::default();
    world.learn(&mut learnt).unwrap();
    rank("test", ("own", &plan, &scorer), &mut world, &mut held, options).unwrap()
}

/// Popularity's lists for two users.
pub(crate) fn example() -> Ranking {
    ranked(&RankingOptions {
        k: 2,
        ..RankingOptions::default()
    })
}

#[test]
fn lists_by_hand() {
    let options = RankingOptions {
        k: 2,
        negatives: 1,
        ..RankingOptions::default()
    };
    let found = ranked(&options);
    assert_eq!((found.users, found.items, found.relevant), (2, 4, 2));
    // user 3 gets [2, 4], likes 2; user 4 gets [1, 2], likes 3
    let own = found.own().unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(own.all.hit_rate, 0.5);
    close(own.all.hit_error, (0.25_f64 / 2.0).sqrt());
    close(own.all.recall, 0.5);
    close(own.all.precision, 0.25);
    close(own.all.ndcg, 0.5);
    close(own.all.map, 0.5);
    close(own.all.mrr, 0.5);
    close(own.all.coverage, 0.75);
    // items 2 {1, 2} and 4 {4}: nothing in common; 1 {1, 2, 3} and 2: 2/√6
    close(own.all.diversity, 1.0 - 0.5 * 2.0 / 6.0_f64.sqrt());
    // shares 2/4 and 1/4; 3/4 and 2/4
    close(own.all.novelty, 0.5 * (1.5 + 0.5 * (1.0 - 0.75_f64.log2())));
    assert_eq!(
        (own.all, own.sampled),
        (found.lines[1].all, found.lines[1].sampled)
    );
    assert!(found.lines[1].baseline && found.lines[2].name == "chance");
}

#[test]
fn sampled_places_leave_out_what_the_user_knows() {
    // all others there are: of user 3 item 4 (rarer than 2); of user 4 items 1 and 2 (both above 3)
    let options = RankingOptions {
        k: 1,
        negatives: 99,
        ..RankingOptions::default()
    };
    let own = ranked(&options).own().unwrap().sampled.unwrap();
    assert!((own.hit_rate - 0.5).abs() < 1e-12 && (own.ndcg - 0.5).abs() < 1e-12);
    let wide = ranked(&RankingOptions { k: 10, ..options })
        .own()
        .unwrap()
        .sampled
        .unwrap();
    assert!((wide.hit_rate - 1.0).abs() < 1e-12);
    assert!(
        (wide.ndcg - (1.0 + 0.5) / 2.0).abs() < 1e-12,
        "places 1 and 3: {}",
        wide.ndcg
    );
    assert!((wide.mrr - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-12);
    let none = RankingOptions {
        negatives: 0,
        ..options
    };
    assert_eq!(ranked(&none).own().unwrap().sampled, None);
}

#[test]
fn text_and_markdown_have_a_row_per_ranker() {
    let found = ranked(&RankingOptions::default());
    let (text, markdown) = (found.to_string(), found.markdown());
    assert!(
        text.contains("Lists of 2 users over 4 items") && text.contains("\n(popularity)"),
        "{text}"
    );
    // heads, a line and three rankers; heads, a line and eleven figures
    assert_eq!(
        markdown.lines().filter(|l| l.starts_with('|')).count(),
        5 + 13,
        "{markdown}"
    );
    for told in [&text, &markdown] {
        assert!(
            told.contains("95 % intervals (1000 resamples of users, seed 1)"),
            "{told}"
        );
    }
    assert!(markdown.contains("| own | MRR of 99 | "), "{markdown}");
    assert!(markdown.contains("| (chance) |") && markdown.contains("NDCG of 99 | MRR of 99 |"));
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Ranking>(&json).unwrap(), found);
}

/// 300 users who like one of four cold items, the first four of fifty that the samples name.
fn new_to_all() -> RowsSource {
    let liked = (0..300).map(|user| row((user, 100 + user * user % 7, user), 1.0));
    let others = (0..50).map(|item| row((1, 100 + item, 400 + item), 0.0));
    RowsSource::new(liked.chain(others).collect())
}

#[test]
fn the_order_of_samples_says_nothing_of_items() {
    let options = RankingOptions {
        k: 5,
        negatives: 20,
        ..RankingOptions::default()
    };
    let found = ranked_of((learnt(), new_to_all()), &options);
    let reversed = |source: RowsSource| RowsSource::new(source.rows().iter().rev().cloned().collect());
    assert_eq!(
        found,
        ranked_of((reversed(learnt()), reversed(new_to_all())), &options)
    );
    // popularity knows none of them: its lists are what chance gives, 5 of 50
    assert_eq!(
        (found.splits[0].name.as_str(), found.splits[0].items),
        (COLD_ITEMS, 50)
    );
    for line in &found.lines {
        let cold = &line.splits[0];
        let off = (cold.recall - 0.1).abs();
        assert!(
            cold.error > 0.0 && off < 3.0 * cold.error,
            "{}: {cold:?}",
            line.name
        );
    }
    let other = ranked_of((learnt(), new_to_all()), &RankingOptions { seed: 2, ..options });
    assert_ne!(
        found.lines[0].splits, other.lines[0].splits,
        "lots are of the seed"
    );
}

#[test]
fn chance_is_the_same_every_time() {
    assert_eq!(
        ranked(&RankingOptions::default()),
        ranked(&RankingOptions::default())
    );
}

/// A conf of items with tags, and a model of popularity over it.
const TAGGED: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }]
schema.item = [{ name = "itemId", type = "int" }, { name = "tags", type = "list<string>" }]
sample = { label = ["label"], group = "userId" }
feature = [
    { name = "item", class = "id", slot = 2, depend = ["itemId"] },
    { name = "f_tags", class = "tag", slot = 3, depend = ["tags"] },
]
"#;

/// Users of two tastes, 40 items of one tag each and a tag that all have; items from 30 on are held out, and user 9 with one of 0.
fn tagged() -> (RowsSource, RowsSource) {
    let one = |user: i64, item: i64, label: f32| {
        let tags = [["even", "odd"][usize::try_from(item % 2).unwrap()], "all"];
        SampleRow {
            user: vec![Value::Int(user)],
            item: vec![Value::Int(item), Value::strs(&tags)],
            label,
            weight: 1.0,
            time: item,
            group: user,
            item_id: item,
            ..SampleRow::default()
        }
    };
    let all = |items: std::ops::Range<i64>| {
        let pairs = (0..8).flat_map(move |user| items.clone().map(move |item| (user, item)));
        let met = pairs.filter(|(user, item)| (user + item) % 2 == 0 || item % 5 == 0);
        met.map(|(user, item)| one(user, item, if (user + item) % 2 == 0 { 1.0 } else { 0.0 }))
    };
    let mut held: Vec<SampleRow> = all(30..40).collect();
    held.push(one(9, 0, 1.0));
    (RowsSource::new(all(0..30).collect()), RowsSource::new(held))
}

#[test]
fn cold_items_are_ranked_alone_beside_what_content_tells() {
    let plan = Plan::compile(TAGGED, "conf", None).unwrap();
    let text = "format = 1\nconf = \"shop\"\nkind = \"popularity\"\nmatrix = { item = 2 }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    let (mut learnt, mut held) = tagged();
    let trained = crate::matrix::train(
        &config,
        &plan,
        &mut learnt,
        &Frame::default(),
        (&mut Silent, None),
    )
    .unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let mut world = World::default().described_by(vec![3]);
    world.learn(&mut learnt).unwrap();
    let options = RankingOptions {
        k: 5,
        ..RankingOptions::default()
    };
    let found = rank("test", ("own", &plan, &scorer), &mut world, &mut held, &options).unwrap();
    let about: Vec<_> = found
        .splits
        .iter()
        .map(|s| (s.name.as_str(), s.users, s.items, s.relevant))
        .collect();
    assert_eq!(
        about,
        [
            (COLD_ITEMS, 8, 10, 40),
            (WARM_ITEMS, 1, 30, 1),
            (RARE_ITEMS, 8, 34, 40),
            (FREQUENT_ITEMS, 1, 6, 1),
            (NEW_USERS, 1, 40, 1),
            (KNOWN_USERS, 8, 40, 40),
        ]
    );
    let of = |name: &str| found.lines.iter().find(|l| l.name == name).unwrap().splits[0].recall;
    // 5 of 10 cold items have the user's tag; popularity knows none of them and draws
    assert!((of("content profile") - 1.0).abs() < 1e-12 && (of("content factors") - 1.0).abs() < 1e-12);
    assert!(of("own") < 0.7 && of("chance") < 0.7);
    let own = &found.own().unwrap().splits[0];
    let bounds = own.intervals.recall.unwrap();
    assert!(bounds.low <= own.recall && own.recall <= bounds.high, "{own:?}");
    assert!(
        found.to_string().contains("\ncold items ") && found.markdown().contains("new users: 1, who liked 1")
    );
}

#[test]
fn lists_have_intervals_of_users_drawn_together() {
    let options = RankingOptions {
        k: 2,
        negatives: 1,
        ..RankingOptions::default()
    };
    let own = ranked(&options).own().unwrap().clone();
    // of two users one has a hit: in a quarter of the resamples none or both
    let (i, sampled) = (own.intervals, own.sampled.unwrap().intervals);
    for bounds in [i.hit_rate, i.recall, i.ndcg, i.map, i.mrr] {
        assert_eq!(bounds, Some(Bounds { low: 0.0, high: 1.0 }));
    }
    assert_eq!(i.precision, Some(Bounds { low: 0.0, high: 0.5 }));
    assert!(i.diversity.unwrap().high <= 1.0 && i.novelty.unwrap().low > 0.0);
    assert!(sampled.hit_rate.is_some() && sampled.ndcg.is_some() && sampled.mrr.is_some());
    let none = Bootstrap {
        resamples: 0,
        ..Bootstrap::default()
    };
    let own = ranked(&RankingOptions {
        bootstrap: none,
        ..options
    });
    assert_eq!(own.own().unwrap().intervals, ListIntervals::default());
    assert!(!own.to_string().contains("intervals"));
}

#[test]
fn what_was_learnt_before_is_not_cold() {
    let plan = Plan::compile(TAGGED, "conf", None).unwrap();
    let text = "format = 1\nconf = \"shop\"\nkind = \"popularity\"\nmatrix = { item = 2 }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    let (mut learnt, mut held) = tagged();
    let frame = Frame::default();
    let trained = crate::matrix::train(&config, &plan, &mut learnt, &frame, (&mut Silent, None)).unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    // items from 30 on are held out; that 1,000 is nowhere among the samples says nothing
    let mut cold = |before: &[i64]| {
        let mut world = World::default().learnt_before(before.iter().copied());
        world.learn(&mut learnt).unwrap();
        let options = RankingOptions::default();
        let found = rank("test", ("own", &plan, &scorer), &mut world, &mut held, &options).unwrap();
        let split = found.splits.into_iter().find(|split| split.name == COLD_ITEMS);
        split.map(|split| split.items)
    };
    assert_eq!(cold(&[]), Some(10));
    assert_eq!(cold(&[30, 31, 32, 1000]), Some(7));
    assert_eq!(cold(&(30..40).collect::<Vec<_>>()), None);
}

#[test]
fn nothing_cold_is_no_split() {
    assert!(ranked(&RankingOptions::default()).splits.is_empty());
}

#[test]
fn the_baseline_counts_likes_as_the_kind_popularity_does() {
    let plan = Plan::compile(TAGGED, "conf", None).unwrap();
    let text = "format = 1\nconf = \"shop\"\nkind = \"popularity\"\nmatrix = { item = 2 }\n";
    let config = ModelConfig::parse(text, "m.toml").unwrap();
    // every fifth item has samples of 0, as drawn negatives have it; likes differ
    let (mut learnt, mut held) = tagged();
    let mut rows = Vec::new();
    while learnt.next(&mut rows, 1000).unwrap() > 0 {}
    rows.retain(|row| row.label < 0.5 || row.group % 3 != row.item_id % 3);
    let mut learnt = RowsSource::new(rows);
    let frame = Frame::default();
    let trained = crate::matrix::train(&config, &plan, &mut learnt, &frame, (&mut Silent, None)).unwrap();
    let scorer = Scorer::new(&Network::compile(&config, &plan).unwrap(), &trained.parameters).unwrap();
    let mut world = World::default();
    world.learn(&mut learnt).unwrap();
    let (options, named) = (RankingOptions::default(), ("own", &plan, &scorer));
    let found = rank("test", named, &mut world, &mut held, &options).unwrap();
    let (own, baseline) = (&found.lines[0], &found.lines[1]);
    assert_eq!(baseline.name, "popularity");
    assert_eq!((own.all, own.sampled), (baseline.all, baseline.sampled));
    assert_eq!(own.splits, baseline.splits);
    let met = (0..30).map(|item| f32::from(u8::try_from(world.met_by(item).len()).unwrap()));
    let liked = &world.popularity(0.5)[..30];
    assert!(
        met.zip(liked).filter(|(met, liked)| met > *liked).count() == 6,
        "every fifth item"
    );
}
