//! The inference transform of `dropoutnet` through the real binary: users (and items) whom the factorisation has not seen are ranked by the
//! mean of the factors of what they have to do with, in `eval`, `embed` and at request time alike.

use std::path::{Path, PathBuf};

use rankine_table::vectors::VectorTable;
use rankine_table::{Column, Table, parquet};
use serde_json::{Value as Json, json};

use crate::home::{Outcome, REPOSITORY, rankine};
use crate::process::Server;

const ITEMS: i64 = 160;
const TASTES: i64 = 8;
/// Users whom the factorisation sees, and those behind them whom it does not.
const KNOWN: i64 = 96;
const USERS: i64 = 160;

const IDS: &str = r#"format = 1
name = "ids"
schema.user = [{ name = "user", type = "int" }]
schema.item = [{ name = "item", type = "int" }]
sample = { label = ["label"], group = "user" }
feature = [{ name = "u", class = "id", slot = 1, depend = ["user"] }, { name = "i", class = "id", slot = 2, depend = ["item"] }]
"#;
const IALS: &str = "format = 1\nkind = \"ials\"\nconf = \"ids\"\nseed = 1\n\
                    matrix = { user = 1, item = 2, dim = 8 }\ntrain = { epochs = 6 }\n";
const SERVER: &str = r#"dictionary = [
    { name = "users", kind = "vectors", path = "dictionaries/users.parquet" },
    { name = "items", kind = "vectors", path = "dictionaries/items.parquet" },
]
model = [{ name = "dropoutnet-history" }]
default_model = "dropoutnet-history"
"#;

/// A number below `end`, the same for the same words.
fn draw(words: [i64; 3], end: i64) -> i64 {
    let mut x = words.iter().fold(7_u64, |x, w| {
        (x ^ w.cast_unsigned())
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29)
    });
    x ^= x >> 32;
    i64::try_from(x.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 40).unwrap() % end
}

/// What a user likes, in order: nine in ten of one taste.
fn likes(user: i64) -> Vec<i64> {
    let mut found: Vec<i64> = Vec::new();
    for at in 0.. {
        let any = draw([user, at, 1], ITEMS);
        let liked = if draw([user, at, 2], 10) > 0 {
            any - any % TASTES + user % TASTES
        } else {
            any
        };
        if !found.contains(&liked) {
            found.push(liked);
        }
        if found.len() == 9 {
            break;
        }
    }
    found
}

/// A line of samples. Segment and tag say half of the time what they are of, which is all that is known of what is new.
fn sample(user: i64, item: i64, label: u8, (known, acted): (bool, &[i64])) -> String {
    let mut line = fields(user, item);
    let own = json!({ "known": known.then_some(user), "acted": acted, "label": label });
    line.as_object_mut()
        .unwrap()
        .extend(own.as_object().unwrap().clone());
    format!("{line}\n")
}

fn fields(user: i64, item: i64) -> Json {
    let said = |id: i64, salt: i64| {
        if draw([id, salt, 3], 2) == 0 {
            id % TASTES
        } else {
            draw([id, salt, 4], TASTES)
        }
    };
    json!({ "user": user, "segment": format!("s{}", said(user, 0)), "item": item, "tag": format!("t{}", said(item, 1)), "met_by": [] })
}

/// A home with factors of known users and of all items, and a model that reads them.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Shop {
        let shop = Shop(tempfile::tempdir().unwrap());
        let (mut pairs, mut learnt) = ("user,item,label\n".to_owned(), String::new());
        let (mut met, mut averaged, mut masked) = (String::new(), String::new(), String::new());
        for user in 0..USERS {
            let liked = likes(user);
            for (at, item) in liked.iter().enumerate() {
                let other = draw([user, at.try_into().unwrap(), 5], ITEMS);
                if user < KNOWN {
                    pairs += &format!("{user},{item},1\n");
                    // as somebody known, and as somebody who came just now
                    learnt += &sample(user, *item, 1, (true, &[]));
                    learnt += &sample(user, other, 0, (true, &[]));
                    learnt += &sample(user, *item, 1, (false, &liked[..at.min(3)]));
                    learnt += &sample(user, other, 0, (false, &liked[..at.min(3)]));
                } else if at < 3 {
                    met += &sample(user, *item, 1, (false, &[]));
                } else {
                    averaged += &sample(user, *item, 1, (false, &liked[..3]));
                    masked += &sample(user, *item, 1, (false, &[]));
                }
            }
        }
        let texts = [("ids.toml", IDS), ("ials.toml", IALS), ("server.toml", SERVER)];
        let made = [("pairs.csv", pairs), ("learnt.jsonl", learnt), ("met.jsonl", met)];
        let held = [("averaged.jsonl", averaged), ("masked.jsonl", masked)];
        let texts = texts.map(|(name, text)| (name, text.to_owned()));
        for (name, text) in texts.into_iter().chain(made).chain(held) {
            std::fs::write(shop.at(name), text).unwrap();
        }
        shop
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the binary; words that begin with `@` are files of the home.
    fn run(&self, words: &[&str]) -> Outcome {
        let own = |word: &&str| match word.strip_prefix('@') {
            Some(name) => self.at(name).display().to_string(),
            None => (*word).to_owned(),
        };
        let words: Vec<String> = words.iter().map(own).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        rankine(self.0.path(), &words).good()
    }

    /// Factors of the known users and of all items, as dictionaries.
    fn factorise(&self) {
        let ids = |name: &str, count: i64| {
            let ids = Column::Int((0..count).map(Some).collect());
            write(&self.at(&format!("{name}.parquet")), vec![(name, ids)]);
        };
        ids("user", KNOWN);
        ids("item", ITEMS);
        self.run(&[
            "train",
            "@ials.toml",
            "--conf",
            "@ids.toml",
            "--train",
            "@pairs.csv",
            "--hold-out",
            "0.01",
        ]);
        let items = ["--items", "@item.parquet", "--out", "@dictionaries/items.parquet"];
        let users = [
            "--users",
            "@user.parquet",
            "--users-out",
            "@dictionaries/users.parquet",
        ];
        self.run(&[&["embed", "ials"][..], &items, &users].concat());
    }

    fn train(&self) {
        let model = format!("{REPOSITORY}/examples/models/dropoutnet-history.toml");
        let conf = format!("{REPOSITORY}/examples/models/dropoutnet-history.feature.toml");
        let words = [
            "train",
            &model,
            "--conf",
            &conf,
            "--train",
            "@learnt.jsonl",
            "--dictionaries",
            "@server.toml",
        ];
        self.run(&words);
    }

    /// Recall@10 of new users, with its error, of the model and by popularity.
    fn recall(&self, test: &str) -> [f64; 2] {
        let samples = [
            "--train",
            "@met.jsonl",
            "--test",
            test,
            "--top",
            "10",
            "--negatives",
            "0",
        ];
        let told = self.run(
            &[
                &[
                    "--json",
                    "eval",
                    "dropoutnet-history",
                    "--dictionaries",
                    "@server.toml",
                ][..],
                &samples,
            ]
            .concat(),
        );
        let lines = told.json()["ranking"]["lines"].clone();
        [0, 1].map(|at| lines[at]["all"]["recall"].as_f64().unwrap())
    }
}

fn write(path: &Path, columns: Vec<(&str, Column)>) {
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name.to_owned(), column));
    parquet::write(
        path,
        &Table {
            columns: columns.collect(),
        },
        &[],
    )
    .unwrap();
}

/// What offline embedding says of a user with these items and with none, and of an item that these users met and that nobody met.
struct Offline {
    users: VectorTable,
    items: VectorTable,
    added: f64,
}

impl Offline {
    fn score(&self, user: usize, item: usize) -> f64 {
        let products = self.users.row(user).iter().zip(self.items.row(item));
        let logit: f64 = products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>() + self.added;
        1.0 / (1.0 + (-logit).exp())
    }
}

/// Writes the rows of the new user and the new item, each with what it met and with nothing.
fn write_new(shop: &Shop, (user, acted): (i64, &[i64]), (new, met_by): (i64, &[i64])) {
    let text = |row: &Json, name: &str| Column::Text(vec![row[name].as_str().map(str::to_owned); 2]);
    let lists = |list: &[i64]| Column::Ints(vec![Some(list.to_vec()), Some(Vec::new())]);
    let users = vec![
        ("id", Column::Int(vec![Some(1), Some(2)])),
        ("user", Column::Int(vec![Some(user); 2])),
        ("segment", text(&fields(user, 0), "segment")),
        ("acted", lists(acted)),
    ];
    write(&shop.at("new-users.parquet"), users);
    let items = vec![
        ("id", Column::Int(vec![Some(1), Some(2)])),
        ("item", Column::Int(vec![Some(new); 2])),
        ("tag", text(&fields(0, new), "tag")),
        ("met_by", lists(met_by)),
    ];
    write(&shop.at("new-items.parquet"), items);
}

/// Embeds the rows that were written.
fn embedded(shop: &Shop) -> Offline {
    let model = [
        "--json",
        "embed",
        "dropoutnet-history",
        "--dictionaries",
        "@server.toml",
    ];
    let users = [
        "--side",
        "user",
        "--users",
        "@new-users.parquet",
        "--users-out",
        "@u.csv",
    ];
    let told = shop.run(&[&model[..], &users].concat()).json();
    assert_eq!((&told["users"], &told["items"]), (&2.into(), &Json::Null));
    shop.run(&[&model[..], &["--items", "@new-items.parquet", "--out", "@i.csv"]].concat());
    let [users, items] = ["u.csv", "i.csv"].map(|name| VectorTable::read(&shop.at(name)).unwrap());
    let added = told["added"].as_f64().unwrap();
    Offline { users, items, added }
}

#[test]
fn a_few_interactions_average_into_the_preference_offline_and_at_request_time() {
    let shop = Shop::new();
    shop.factorise();
    shop.train();
    let ([averaged, popular], [masked, _]) = (shop.recall("@averaged.jsonl"), shop.recall("@masked.jsonl"));
    // ideal is 10 of a taste's 20 items; the share of new users whose segment says the taste is a half
    assert!(
        averaged > masked + 0.1 && averaged > popular + 0.2,
        "{averaged} {masked} {popular}"
    );

    // the same user: with three items, with none, and as an item that three users met beside one that nobody did
    let (user, new) = (KNOWN + 3, ITEMS + 5);
    let acted = &likes(user)[..3];
    let met_by: Vec<i64> = (0..KNOWN).filter(|user| user % TASTES == 3).take(3).collect();
    write_new(&shop, (user, acted), (new, &met_by));
    let offline = embedded(&shop);
    let (row, item) = (fields(user, 0), fields(0, new));

    // a server has a catalogue, whatever it scores
    shop.run(&["data", "import", "examples/mapping"]);
    let config = shop.at("server.toml").display().to_string();
    let server = Server::start(shop.0.path(), "", "127.0.0.1:0", &["--config", &config]);
    server.wait_for_models();
    for (u, acted) in [acted, &[]].into_iter().enumerate() {
        let asked = |met_by: &[i64]| json!({ "id": new, "fields": { "item": new, "tag": item["tag"], "met_by": met_by } });
        let request = json!({
            "user": { "user": user, "segment": row["segment"], "acted": acted },
            "items": [asked(&met_by), asked(&[])],
            "asks": [{ "models": ["dropoutnet-history"] }],
        });
        let answer = server.rest().post("/v1/predict", &request.to_string()).good();
        for i in 0..2 {
            let score = answer["confs"][0]["models"][0]["scores"][i].as_f64().unwrap();
            assert!(
                (score - offline.score(u, i)).abs() < 1e-5,
                "{u} {i}: {score}, {}",
                offline.score(u, i)
            );
        }
    }
    assert!(
        offline.score(0, 0) > offline.score(1, 0) && offline.score(0, 0) > offline.score(0, 1),
        "what is alike is liked"
    );
}
