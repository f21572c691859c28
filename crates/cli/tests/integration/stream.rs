//! `rankine stream` as a user runs it: the example with embedded parts, and a stream over PostgreSQL that is killed, with
//! its database, again and again under load.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use rankine_feature::{FieldType, Side};
use rankine_model::{Artefact, versions};
use rankine_pipeline::stream::features::{FeatureRows, PostgresFeatures, StoredFeatures};
use rankine_pipeline::stream::joined::Types;
use rankine_pipeline::stream::{JoinedRow, State};
use rankine_predict::{Row, Wanted, embed_side};
use rankine_store::testing::{Durability, PostgresServer, RedisServer};
use rankine_store::vectors::{EmbeddedVectors, Generation, PgVectors, RedisVectors, VectorRow, VectorStore};
use rankine_store::{RedbRows, RedisOptions, RedisRows};
use serde_json::{Value as Json, json};

use crate::home::{REPOSITORY, command, rankine, wait_for, wait_until};
use crate::process::signal;

const EXAMPLE: &str = "examples/cold-start/films";

/// Numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Trains the example's model on its samples: label 1 where the user likes the film's genre.
pub(crate) fn train(home: &Path) {
    trained(home, "seed=1");
}

/// The same with a setting of the model.
fn trained(home: &Path, set: &str) {
    let of_example = |name: &str| format!("{REPOSITORY}/{EXAMPLE}/{name}");
    let (model, conf) = (of_example("films.toml"), of_example("films.feature.toml"));
    let samples = &of_example("samples.csv");
    rankine(
        home,
        &[
            "train", &model, "--conf", &conf, "--train", samples, "--test", samples, "--set", set,
        ],
    )
    .good();
}

/// A stream as a child process.
struct Stream {
    child: Child,
    base: String,
    said: Arc<Mutex<String>>,
}

impl Stream {
    fn start(home: &Path, config: &Path) -> Stream {
        let arguments = ["stream", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let mut child = command(home, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let base = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("it ended: {said}"))
                .unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                break format!("http://{}", rest.trim_end_matches("/stream"));
            }
            said += &line;
        };
        let said = Arc::new(Mutex::new(said));
        let more = said.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                more.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Stream { child, base, said }
    }

    fn get(&self, path: &str) -> Option<String> {
        ureq::get(format!("{}{path}", self.base))
            .call()
            .ok()?
            .body_mut()
            .read_to_string()
            .ok()
    }

    fn figures(&self) -> Json {
        self.get("/stream")
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    fn search(&self, body: &Json) -> (u16, Json) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(format!("{}/search", self.base))
            .send_json(body)
            .unwrap();
        (
            answer.status().as_u16(),
            answer.body_mut().read_json().unwrap_or_default(),
        )
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn stop(mut self) {
        signal("INT", self.child.id());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.said.lock().unwrap());
    }
}

/// Items' vectors of the newest artefact for stored rows.
fn offline(home: &Path, rows: &[JoinedRow]) -> Vec<Vec<f32>> {
    let newest = versions(&home.join("models/films")).pop().unwrap().0;
    made_by(home, (newest, Side::Item), rows)
}

/// Vectors of an artefact for rows, computed offline: one row at a time, by another road than the stream's.
fn made_by(home: &Path, (version, side): (u64, Side), rows: &[JoinedRow]) -> Vec<Vec<f32>> {
    let found = versions(&home.join("models/films"));
    let (_, path) = found.into_iter().find(|one| one.0 == version).unwrap();
    let artefact = Artefact::open(&path).unwrap();
    let plan = artefact.plan().unwrap();
    let fields = plan.schema().side(side);
    let wanted = Wanted {
        users: side == Side::User,
        raw: false,
    };
    let vector = |row: &JoinedRow| {
        let values = fields
            .iter()
            .map(|field| (field.name.clone(), row.value(&field.name, field.ty).unwrap()));
        embed_side(&artefact, plan, wanted, [(row.id, Row::of(values))])
            .unwrap()
            .floats
    };
    rows.iter().map(vector).collect()
}

/// What the stream answers about films 1 to 3.
fn asked(stream: &Stream) {
    let (status, found) = stream.search(&json!({"vector": [1, 1, 1, 1, 1, 1, 1, 1], "n": 9}));
    let ids = |found: &Json| {
        let mut ids: Vec<i64> = found["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["id"].as_i64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!((status, ids(&found)), (200, vec![1, 2, 3]), "film 4 was deleted");
    let (_, comedies) =
        stream.search(&json!({"vector": [1, 1, 1, 1, 1, 1, 1, 1], "n": 9, "categories": ["Comedy"]}));
    assert_eq!(ids(&comedies), [3]);
    assert_eq!(stream.search(&json!({"vector": [1], "n": 9})).0, 400);
    assert_eq!(
        stream
            .search(&json!({"vector": [1, 1, 1, 1, 1, 1, 1, 1], "n": 9, "version": 7}))
            .0,
        409
    );
    let metrics = stream.get("/metrics").unwrap();
    assert!(
        metrics.contains("rankine_stream_live 3")
            && metrics.contains("rankine_stream_searchable_seconds_count"),
        "{metrics}"
    );
    assert!(
        stream.figures()["last"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["id"] == 3 && one["outcome"] == "embedded")
    );
}

/// Every vector is what its stored row gives, and the row knows the late director.
fn recomputed(home: &Path) {
    let folder = home.join("stream/films");
    let store = Arc::new(RedbRows::open(&folder.join("features.redb"), 1 << 20).unwrap());
    let types = Types::new(vec![("genres".into(), FieldType::StringList)]);
    let rows: Vec<JoinedRow> = StoredFeatures::new(store, "mf", types)
        .get(&[1, 2, 3])
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    let vectors = EmbeddedVectors::open(&folder.join("vectors.redb")).unwrap();
    let held = vectors.get(&Generation::new("items", 1), &[1, 2, 3]).unwrap();
    let held: Vec<Vec<f32>> = held.into_iter().map(|row| row.unwrap().vector).collect();
    assert_eq!(held, offline(home, &rows));
    let third = &rows[2].cells;
    assert_eq!(
        (&third["level"], &third["days"]),
        (&json!("3"), &json!("0")),
        "the director came late: {third:?}"
    );
}

/// The stream until nothing is left to do, without HTTP.
fn until_idle(config: &Path) -> [&str; 6] {
    let config = config.to_str().unwrap();
    ["--json", "stream", config, "--until-idle", "--listen", ""]
}

#[test]
fn the_example_with_embedded_parts_makes_new_films_searchable() {
    let home = tempfile::tempdir().unwrap();
    train(home.path());
    let files = home.path().join("films");
    crate::home::copy(&Path::new(REPOSITORY).join(EXAMPLE), &files);
    let config = std::fs::read_to_string(files.join("stream.toml")).unwrap();
    let config = config.replace("[vectors]\n", "[vectors]\nindex = \"hnsw\"\nhnsw.ef = 32\n");
    std::fs::write(files.join("stream.toml"), config).unwrap();
    let stream = Stream::start(home.path(), &files.join("stream.toml"));
    wait_until("three films", || {
        stream.figures()["live"] == 3 && stream.figures()["pending"] == 0
    });
    asked(&stream);
    let query = |approximate| {
        stream.search(&json!({"vector": [1, -1, 1, 1, 2, 1, 1, 1], "n": 3, "approximate": approximate}))
    };
    let exact = query(false);
    assert_eq!(
        (query(true), exact.0),
        (exact.clone(), 200),
        "few rows are searched exactly"
    );
    stream.stop();
    recomputed(home.path());
    let config = files.join("stream.toml");
    let told = rankine(home.path(), &until_idle(&config)).good().json();
    assert_eq!(
        (&told["embedded"], &told["changes"]),
        (&json!(0), &json!(0)),
        "it goes on where it was"
    );
}

#[test]
fn dead_letters_are_replayed_once_what_failed_is_mended() {
    let home = tempfile::tempdir().unwrap();
    train(home.path());
    let files = home.path().join("films");
    crate::home::copy(&Path::new(REPOSITORY).join(EXAMPLE), &files);
    let (config, sql) = (files.join("stream.toml"), files.join("item_features.sql"));
    let good = std::fs::read_to_string(&sql).unwrap();
    let bad = good.replace(
        "COALESCE(d.level, 0) AS level",
        "CASE f.director WHEN 'Cleo' THEN 'three' ELSE 0 END AS level",
    );
    assert_ne!(good, bad);
    std::fs::write(&sql, bad).unwrap();
    let run = |more: &[&str]| rankine(home.path(), &[&until_idle(&config), more].concat());
    let told = run(&[]).good().json();
    assert_eq!((&told["dead"], &told["live"]), (&json!(1), &json!(2)), "{told}");
    let dead = home.path().join("stream/films/dead.jsonl");
    let letter: Json = serde_json::from_str(std::fs::read_to_string(&dead).unwrap().trim()).unwrap();
    assert_eq!((&letter["stage"], &letter["key"]), (&json!("embed"), &json!(3)));
    assert!(
        letter["reason"].as_str().unwrap().contains("column `level`"),
        "{letter}"
    );
    // what is not mended is a letter again, and what was taken back lies aside
    let replay = ["--replay", dead.to_str().unwrap()];
    let told = run(&replay).good().json();
    assert_eq!((&told["dead"], &told["remade"]), (&json!(1), &json!(0)), "{told}");
    assert!(dead.with_extension("replayed.jsonl").exists());
    std::fs::write(&sql, good).unwrap();
    let running = State::open(&home.path().join("stream/films/state.db")).unwrap();
    run(&replay).bad(1);
    assert!(dead.exists(), "another stream runs: nothing was taken");
    drop(running);
    let told = run(&replay).good().json();
    assert_eq!((&told["remade"], &told["live"]), (&json!(1), &json!(3)), "{told}");
    assert!(dead.with_extension("replayed-2.jsonl").exists());
    recomputed(home.path());
    assert!(
        run(&replay).bad(1).contains("dead.jsonl"),
        "nothing is left to replay"
    );
}

/// Without its predictor a stream waits, and says so.
fn waited_for(home: &Path, files: &Path, config: &Path) {
    let mut changes = std::fs::OpenOptions::new()
        .append(true)
        .open(files.join("changes.jsonl"))
        .unwrap();
    let line = "{\"op\":\"insert\",\"table\":\"film\",\"row\":{\"film_id\":9,\"genres\":[\"War\"]}}\n";
    std::io::Write::write_all(&mut changes, line.as_bytes()).unwrap();
    let stream = Stream::start(home, config);
    wait_until("the stream to say what holds it", || {
        stream.figures()["held_by"].is_string()
    });
    assert_eq!(stream.figures()["dead"], 0);
    stream.kill();
}

#[test]
fn a_model_in_another_process_makes_the_same_vectors_and_is_waited_for() {
    // a predictor wants a home with data
    let home = crate::home::home();
    train(home.path());
    let files = home.path().join("films");
    crate::home::copy(&Path::new(REPOSITORY).join(EXAMPLE), &files);
    let streamed = |name: &str, embed: &str| {
        let config = std::fs::read_to_string(files.join("stream.toml")).unwrap();
        let config = config.replace("name = \"films\"", &format!("name = \"{name}\"")) + embed;
        let path = files.join(format!("{name}.toml"));
        std::fs::write(&path, config.replace("[vectors]\ncategory = \"genres\"", "")).unwrap();
        path
    };
    let run = |path: &Path| rankine(home.path(), &until_idle(path));
    run(&streamed("near", "")).good();
    let predictor = crate::process::Server::start(
        home.path(),
        "",
        "127.0.0.1:0",
        &["--default-model", "films", "--model", "[{ name = \"films\" }]"],
    );
    predictor.wait_for_models();
    let url = format!("[embed]\nmodel = \"films\"\nurl = \"{}\"\n", predictor.grpc());
    let far = streamed("far", "");
    let text = std::fs::read_to_string(&far)
        .unwrap()
        .replace("[embed]\nmodel = \"films\"\n", &url);
    std::fs::write(&far, text).unwrap();
    let told = run(&far).good().json();
    assert_eq!(told["dead"], 0, "{told}");
    let vectors = |name: &str| {
        let store = EmbeddedVectors::open(&home.path().join(format!("stream/{name}/vectors.redb"))).unwrap();
        let rows = store.get(&Generation::new("items", 1), &[1, 2, 3]).unwrap();
        rows.into_iter()
            .map(|row| row.unwrap().vector)
            .collect::<Vec<_>>()
    };
    assert_eq!(vectors("far"), vectors("near"));
    predictor.kill();
    waited_for(home.path(), &files, &far);
}

#[test]
fn a_redis_that_is_away_at_the_start_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    train(home.path());
    let files = home.path().join("films");
    crate::home::copy(&Path::new(REPOSITORY).join(EXAMPLE), &files);
    let redis =
        RedisServer::start(home.path()).expect("redis-server is needed: apt-get install redis-server");
    let (url, port) = (redis.url(), redis.port());
    drop(redis);
    let path = files.join("stream.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let config = config.replace(
        "[vectors]\n",
        &format!("[vectors]\nstores = [\"embedded\", \"redis\"]\nredis = \"{url}\"\n"),
    );
    std::fs::write(
        &path,
        format!("{config}\n[features]\nkind = \"redis\"\ndsn = \"{url}\"\n"),
    )
    .unwrap();
    let stream = Stream::start(home.path(), &path);
    wait_until("the stream to say what holds it", || {
        stream.figures()["held_by"]
            .as_str()
            .is_some_and(|by| by.contains("redis at"))
    });
    let _redis = RedisServer::start_on(port, home.path()).unwrap();
    wait_until("three films", || {
        stream.figures()["live"] == 3 && stream.figures()["pending"] == 0
    });
    stream.stop();
    let rows = RedisRows::connect(RedisOptions::new(&url)).unwrap();
    let rows = StoredFeatures::new(Arc::new(rows), "mf", Types::new(Vec::new())).get(&[1, 2, 3]);
    assert!(rows.unwrap().iter().all(Option::is_some));
    let vectors = RedisVectors::connect(RedisOptions::new(&url)).unwrap();
    assert_eq!(vectors.ids(&Generation::new("items", 1)).unwrap(), [1, 2, 3]);
}

#[test]
fn faults_of_a_configuration_are_told_at_once() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("s.toml");
    std::fs::write(&config, "[source]\nkind = \"carrier pigeon\"\n").unwrap();
    let said = rankine(home.path(), &["stream", config.to_str().unwrap()]).bad(1);
    for part in ["source.kind", "carrier pigeon", "join.sql_file"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

const SQL: &str = "SELECT v.id, v.genres, COALESCE(d.level, 0) AS level, extract(day FROM :as_of - v.create_time)::int AS days \
     FROM film v LEFT JOIN director d ON d.name = v.director WHERE v.id = ANY (:ids)";

fn config(url: &str) -> String {
    format!(
        "name = \"chaos\"\n[source]\ndsn = \"{url}\"\ntable = \"film\"\nkey = \"id\"\n[join]\nsql = \"\"\"{SQL}\"\"\"\n\
         [[dimension]]\ntable = \"director\"\nkey = \"name\"\nitems = \"SELECT id FROM film WHERE director = ANY (:keys)\"\n\
         [features]\nkind = \"postgres\"\ntable = \"film_features\"\n[embed]\nmodel = \"films\"\n"
    )
}

const TABLES: &str = "CREATE TABLE film (id bigint PRIMARY KEY, title text, genres text[], director text, create_time timestamptz DEFAULT now());
     CREATE INDEX ON film (director);
     CREATE TABLE director (name text PRIMARY KEY, level int);
     INSERT INTO film (id, genres, create_time) SELECT n, '{Drama}', now() - interval '400 days' FROM generate_series(1, 200) n;";

/// One change of the load, as a statement.
fn one_change(draw: &mut Draw, next: &mut i64) -> String {
    let any = 1000 + i64::try_from(draw.below(u64::try_from(*next - 999).unwrap())).unwrap();
    let director = format!("d{}", draw.below(20));
    match draw.below(10) {
        0..5 => {
            *next += 1;
            format!("INSERT INTO film (id, genres, director) VALUES ({next}, '{{Drama,War}}', '{director}')")
        }
        5..7 => format!("UPDATE film SET title = title || 'x', genres = '{{Comedy}}' WHERE id = {any}"),
        7..9 => format!("DELETE FROM film WHERE id = {any}"),
        _ => format!(
            "INSERT INTO director VALUES ('{director}', {}) ON CONFLICT (name) DO UPDATE SET level = excluded.level",
            draw.below(5)
        ),
    }
}

/// Inserts, updates and deletes at random, `rate` a second in transactions of up to eight, until it is told to stop; a lost
/// connection is taken up again, and what was not written meanwhile is written at once. How many it wrote.
fn write(url: &str, rate: u64, over: &AtomicBool) -> u64 {
    let (mut draw, mut client, mut next, mut written) = (Draw(9), None::<Client>, 1000_i64, 0);
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let Some(connected) = &mut client else {
            client = Client::connect(url, NoTls).ok();
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let count = 1 + draw.below(8);
        let changes: Vec<String> = (0..count).map(|_| one_change(&mut draw, &mut next)).collect();
        if connected.batch_execute(&changes.join(";")).is_err() {
            client = None;
            continue;
        }
        written += count;
        due += Duration::from_micros(count * 1_000_000 / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    written
}

/// A number from the environment.
fn given(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The item model in a process of its own, always at the same port.
struct ModelService {
    port: u16,
    server: Option<crate::process::Server>,
}

impl ModelService {
    fn new() -> ModelService {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        ModelService {
            port: free.unwrap().port(),
            server: None,
        }
    }

    fn restart(&mut self, home: &Path) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
        let grpc = format!("127.0.0.1:{}", self.port);
        let models = "[{ name = \"films\" }]";
        let arguments = ["--default-model", "films", "--model", models, "--grpc", &grpc];
        self.server = Some(crate::process::Server::start(home, "", "127.0.0.1:0", &arguments));
    }
}

/// Index = table, vectors = stored rows recomputed, stored rows = tables.
fn settled(home: &Path, (url, client): (&str, &mut Client), ids: &[i64], told: &str) {
    let vectors = EmbeddedVectors::open(&home.join("stream/chaos/vectors.redb")).unwrap();
    let generation = Generation::new("items", 1);
    assert_eq!(vectors.ids(&generation).unwrap(), ids, "index = table, {told}");
    let mut features = PostgresFeatures::new(url, "film_features", "id", SQL);
    let stored: Vec<JoinedRow> = features
        .get(ids)
        .unwrap()
        .into_iter()
        .map(Option::unwrap)
        .collect();
    let held = vectors.get(&generation, ids).unwrap();
    for (row, (vector, held)) in stored.iter().zip(offline(home, &stored).iter().zip(held)) {
        let held = held.unwrap();
        assert_eq!((&held.vector, held.as_of), (vector, row.as_of), "film {}", row.id);
    }
    let stale = "SELECT count(*) FROM film v JOIN film_features f USING (id) LEFT JOIN director d ON d.name = v.director \
         WHERE (f.level, f.genres) IS DISTINCT FROM (COALESCE(d.level, 0), v.genres)";
    assert_eq!(
        client.query_one(stale, &[]).unwrap().get::<_, i64>(0),
        0,
        "every feature row is as the tables are"
    );
}

/// Kills the database, the model service and the stream (-9) at random moments: each once, then any; how often each, with the
/// last stream.
fn killed(
    (home, file): (&Path, &Path),
    server: &mut PostgresServer,
    model: &mut ModelService,
    seconds: u64,
) -> ([u32; 3], Stream) {
    let (begun, mut draw, mut kills) = (Instant::now(), Draw(3), [0; 3]);
    let mut stream = Stream::start(home, file);
    while begun.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(200 + draw.below(1300)));
        let first = kills.iter().position(|kills| *kills == 0);
        let victim = first.unwrap_or_else(|| usize::try_from(draw.below(4)).unwrap().min(2));
        kills[victim] += 1;
        match victim {
            0 => {
                server.kill().unwrap();
                server.restart().unwrap();
            }
            1 => model.restart(home),
            _ => {
                stream.kill();
                stream = Stream::start(home, file);
            }
        }
    }
    (kills, stream)
}

#[test]
fn kill_9_of_stream_database_and_model_under_load_loses_nothing_and_brings_nothing_back() {
    // `bench/run chaos` gives it five minutes
    let seconds = given("RANKINE_CHAOS_SECONDS", 30);
    let rate = given("RANKINE_CHAOS_RATE", 1000);
    // a predictor wants a home with data
    let home = crate::home::home();
    train(home.path());
    let mut server = PostgresServer::start(Durability::Process).unwrap();
    let url = server.url("rankine");
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(TABLES).unwrap();
    let mut model = ModelService::new();
    model.restart(home.path());
    let file = home.path().join("chaos.toml");
    let text = config(&url) + &format!("url = \"http://127.0.0.1:{}\"\n", model.port);
    std::fs::write(&file, text).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (url, over) = (url.clone(), over.clone());
        std::thread::spawn(move || write(&url, rate, &over))
    };
    let (kills, stream) = killed((home.path(), &file), &mut server, &mut model, seconds);
    over.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    assert!(kills.iter().all(|kills| *kills > 0), "{kills:?}");
    let mut client = Client::connect(&url, NoTls).unwrap();
    let rows = client.query("SELECT id FROM film ORDER BY id", &[]).unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let count = u64::try_from(ids.len()).unwrap();
    wait_for("the stream to catch up", || {
        let figures = stream.figures();
        let (live, pending, behind) = (&figures["live"], &figures["pending"], &figures["behind"]);
        let done = *live == count && *pending == 0 && behind.as_u64().is_some_and(|b| b < 100_000);
        let told = format!("{live} of {count} items live, {pending} wait, {behind} bytes behind");
        if done { Ok(()) } else { Err(told) }
    });
    std::thread::sleep(Duration::from_millis(500));
    stream.stop();
    let told = format!("after {written} changes; kills of database, model, stream: {kills:?}");
    settled(home.path(), (&url, &mut client), &ids, &told);
    println!(
        "{}",
        json!({"changes": written, "seconds": seconds, "kills": kills, "items": count})
    );
}

/// A user's row as the statement below gives it.
fn user(id: i64) -> JoinedRow {
    let liked = ["Drama", "Comedy", "War", "Horror"][usize::try_from(id % 4).unwrap()];
    let cells = json!({"user": id, "likes": [liked]});
    JoinedRow {
        id,
        as_of: 0,
        cells: cells.as_object().unwrap().clone(),
    }
}

const USERS: &str = "SELECT n AS \"user\", ARRAY[(ARRAY['Drama', 'Comedy', 'War', 'Horror'])[n % 4 + 1]] AS likes \
     FROM generate_series(1, 30) n";

/// Asks for user 6's films until a version serves; both sides of each product are of the version that the answer names.
fn asked_until(stream: &Stream, home: &Path, store: &PgVectors, last: u64) {
    let begun = Instant::now();
    loop {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "version {last} does not serve"
        );
        let (status, found) = stream.search(&json!({"user": 6, "n": 5, "approximate": true}));
        if status == 404 && last == 1 {
            // before the very first vectors of users
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        assert_eq!(status, 200, "{found}");
        let version = found["version"].as_u64().unwrap();
        let vector = made_by(home, (version, Side::User), &[user(6)]).remove(0);
        for one in found["items"].as_array().unwrap() {
            let id = one["id"].as_i64().unwrap();
            let item = store.get(&Generation::new("items", version), &[id]).unwrap();
            let item = item[0].as_ref().unwrap();
            let product: f32 = vector.iter().zip(&item.vector).map(|(a, b)| a * b).sum();
            let score = one["score"].as_f64().unwrap();
            assert!(
                (f64::from(product) - score).abs() < 1e-4,
                "{version}: {product} {score}"
            );
        }
        if version == last {
            return;
        }
    }
}

/// The live rows of some ids.
fn rows_of(store: &dyn VectorStore, generation: &Generation, ids: &[i64]) -> Vec<VectorRow> {
    store
        .get(generation, ids)
        .unwrap()
        .into_iter()
        .flatten()
        .collect()
}

fn vectors_of(rows: Vec<VectorRow>) -> Vec<Vec<f32>> {
    rows.into_iter().map(|row| row.vector).collect()
}

/// PostgreSQL and Redis hold the same rows, and they are those that the feature rows in Redis give; users alike.
fn equal_in_all(home: &Path, (near, far): (&PgVectors, &RedisVectors), redis: &str, version: u64) {
    let items = Generation::new("items", version);
    let ids = near.ids(&items).unwrap();
    assert_eq!(far.ids(&items).unwrap(), ids);
    let rows = rows_of(near, &items, &ids);
    assert_eq!(rows_of(far, &items, &ids), rows);
    let types = Types::new(vec![("genres".into(), FieldType::StringList)]);
    let store = Arc::new(RedisRows::connect(RedisOptions::new(redis)).unwrap());
    let stored = StoredFeatures::new(store, "mf", types).get(&ids).unwrap();
    let stored: Vec<JoinedRow> = stored.into_iter().flatten().collect();
    assert_eq!(vectors_of(rows), made_by(home, (version, Side::Item), &stored));
    let (people, everybody) = (Generation::new("people", version), (1..=30).collect::<Vec<i64>>());
    let users: Vec<JoinedRow> = everybody.iter().map(|id| user(*id)).collect();
    let made = made_by(home, (version, Side::User), &users);
    for store in [near as &dyn VectorStore, far] {
        assert_eq!(vectors_of(rows_of(store, &people, &everybody)), made);
        assert_eq!(store.current("items").unwrap(), Some(version));
        assert_eq!(store.current("people").unwrap(), Some(version));
    }
}

/// A stream whose rows go to Redis, and its vectors to PostgreSQL and Redis.
fn sinks(url: &str, redis: &str) -> String {
    let rows = format!("kind = \"redis\"\ndsn = \"{redis}\"");
    let text = config(url)
        .replace("name = \"chaos\"", "name = \"sinks\"")
        .replace("kind = \"postgres\"\ntable = \"film_features\"", &rows);
    text + &format!(
        "look_s = 0.1\n[vectors]\nstores = [\"pgvector\", \"redis\"]\nredis = \"{redis}\"\ncategory = \"genres\"\n\
         [users]\nsql = \"\"\"{USERS}\"\"\"\nkey = \"user\"\nset = \"people\"\n"
    )
}

#[test]
fn pgvector_and_redis_are_filled_and_users_switch_together_with_items() {
    let home = tempfile::tempdir().unwrap();
    train(home.path());
    let url = PostgresServer::shared().unwrap().database().unwrap();
    let redis = RedisServer::start(home.path()).unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(TABLES).unwrap();
    let file = home.path().join("sinks.toml");
    std::fs::write(&file, sinks(&url, &redis.url())).unwrap();
    let stream = Stream::start(home.path(), &file);
    wait_until("the catalogue", || stream.figures()["live"] == 200);
    let near = PgVectors::connect(&url).unwrap();
    let far = RedisVectors::connect(RedisOptions::new(&redis.url())).unwrap();
    asked_until(&stream, home.path(), &near, 1);
    wait_until("both sides to serve", || {
        far.current("people").unwrap() == Some(1)
    });
    equal_in_all(home.path(), (&near, &far), &redis.url(), 1);
    let indexed = "SELECT count(*) FROM pg_indexes WHERE tablename = 'items_v1' AND indexdef LIKE '%hnsw%vector_ip_ops%'";
    assert_eq!(client.query_one(indexed, &[]).unwrap().get::<_, i64>(0), 1);
    trained(home.path(), "seed=2");
    asked_until(&stream, home.path(), &near, 2);
    client
        .batch_execute("INSERT INTO film (id, genres) VALUES (900, '{War}'); DELETE FROM film WHERE id <= 20")
        .unwrap();
    wait_until("the last changes", || {
        near.ids(&Generation::new("items", 2)).unwrap().len() == 181
    });
    stream.stop();
    equal_in_all(home.path(), (&near, &far), &redis.url(), 2);
}
