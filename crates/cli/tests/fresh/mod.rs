//! A home with some of MovieLens, a change stream over a file of films, and a site that recommends what the stream brings:
//! the real binary three times. Shared by the integration and the browser tests.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Users of the data that are there.
const USERS: i64 = 30;
const GENRES: [&str; 6] = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"];

/// Likes by genre: the user by the favourite one, the film by all of its own; one table for both.
const CONF: &str = r#"format = 1
name = "arrive"
schema.user = [{ name = "userGenre1", type = "string" }]
schema.item = [{ name = "genres", type = "list<string>" }]
schema.context = []
sample = { label = ["label"], group = "userId" }
feature = [
  { name = "liked", class = "id", slot = 1, depend = ["userGenre1"] },
  { name = "genre", class = "tag", slot = 2, share = 1, depend = ["genres"], str_args = ["normalize"] },
]
"#;
const MODEL: &str = r#"format = 1
kind = "dssm"
conf = "arrive"
label = "label"
embedding = [{ slots = [1, 2], table = "genre", dim = 8 }]
tower.user = { slots = [1], hidden = [16, 8] }
tower.item = { slots = [2], hidden = [16, 8] }
activation = "tanh"
loss = "bce"
optimizer.embedding = { kind = "adam", lr = 1e-2 }
optimizer.dense = { kind = "adam", lr = 1e-2 }
train = { batch = 32, epochs = 25 }
"#;
const JOIN: &str = "SELECT film_id, title, genres, create_time FROM film WHERE film_id IN (SELECT value FROM json_each(:ids))";
const TABLES: &str =
    "CREATE TABLE IF NOT EXISTS film (film_id PRIMARY KEY, title, genres, create_time) WITHOUT ROWID;";

/// What differs from test to test.
#[derive(Default)]
pub(crate) struct Wish {
    /// More keys of the stream's `[vectors]`.
    pub(crate) vectors: String,
    /// More keys of the server's `[arrivals]`, instead of the model whose tower makes the user's vector.
    pub(crate) arrivals: Option<String>,
}

/// The processes; killed when dropped.
pub(crate) struct Fresh {
    stream: Child,
    server: Child,
    /// `http://address:port` of stream, pages and predictions.
    pub(crate) stream_url: String,
    pub(crate) site: String,
    pub(crate) rest: String,
    folder: tempfile::TempDir,
    agent: ureq::Agent,
}

impl Fresh {
    /// Imports, trains, streams, serves; ready when the model is loaded.
    pub(crate) fn start(wish: &Wish) -> Fresh {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        let data = data(folder.path());
        run(&home, &["data", "import", text(&data)]);
        train(&home, folder.path(), 1);
        let stream_config = stream_config(folder.path(), wish);
        let (stream, stream_url) = started(
            command(
                &home,
                &["stream", text(&stream_config), "--listen", "127.0.0.1:0"],
            ),
            &["stream:"],
        );
        let config = server_config(folder.path(), (&stream_url[0], &stream_config), wish);
        let (server, urls) = started(
            command(&home, &["serve", "--config", text(&config)]),
            &["recommendations", "predictions"],
        );
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let fresh = Fresh {
            stream,
            server,
            stream_url: stream_url[0].clone(),
            site: urls[0].clone(),
            rest: urls[1].clone(),
            folder,
            agent: agent.into(),
        };
        wait("the model", || {
            let (_, status) = fresh.get(&fresh.rest, "/status");
            status["models"]
                .as_array()
                .is_some_and(|models| models.iter().all(|model| model["version"].is_u64()))
        });
        fresh
    }

    /// The home folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Publishes one more version.
    pub(crate) fn train_again(&self, seed: u64) {
        train(&self.home(), self.folder.path(), seed);
    }

    /// Inserts films as the source's owner would: a line each.
    pub(crate) fn insert(&self, films: &[(i64, &str, &[&str])]) {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(self.folder.path().join("changes.jsonl"))
            .expect("the file of changes");
        let now = now();
        for (id, title, genres) in films {
            let row = json!({"film_id": id, "title": title, "genres": genres, "create_time": now});
            let line = json!({"op": "insert", "table": "film", "time": now, "row": row});
            file.write_all(format!("{line}\n").as_bytes()).expect("a line");
        }
    }

    /// `GET`: status and JSON; null where the body is none.
    pub(crate) fn get(&self, base: &str, path: &str) -> (u16, Json) {
        let (status, text) = self.text(base, path);
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// `GET`: status and body.
    pub(crate) fn text(&self, base: &str, path: &str) -> (u16, String) {
        let mut answer = self.agent.get(format!("{base}{path}")).call().expect("an answer");
        (
            answer.status().as_u16(),
            answer.body_mut().read_to_string().unwrap_or_default(),
        )
    }

    /// Sends a form as a browser would from `origin`; status and where it goes on.
    pub(crate) fn send_form(&self, path: &str, origin: &str, form: &str) -> (u16, String) {
        let request = self
            .agent
            .post(format!("{}{path}", self.site))
            .header("origin", origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send(form).expect("an answer");
        let location = answer.headers().get("location").and_then(|l| l.to_str().ok());
        (answer.status().as_u16(), location.unwrap_or_default().to_owned())
    }

    /// Posts a rating, which must be taken.
    pub(crate) fn rate(&self, user: i64, item: i64, value: f64) {
        let event = json!({"user": user, "item": item, "kind": "rating", "value": value});
        let answer = self
            .agent
            .post(format!("{}/events", self.site))
            .send_json(event)
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "film {item}");
    }

    /// New films for a user: (id, score, version).
    pub(crate) fn arrivals(&self, user: i64, size: usize) -> Vec<(i64, f64, u64)> {
        let (_, films) = self.get(&self.site, &format!("/getarrivals?id={user}&size={size}&probe=1"));
        let one = |film: &Json| {
            Some((
                film["movieId"].as_i64()?,
                film["score"].as_f64()?,
                film["modelVersion"].as_u64()?,
            ))
        };
        films
            .as_array()
            .map(|films| films.iter().filter_map(one).collect())
            .unwrap_or_default()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.stream] {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Waits for something another process does; fails after two minutes.
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed().as_secs() < 120, "waited two minutes for {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Microseconds since 1970.
fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "films are new by the clock")]
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock");
    u64::try_from(since.as_micros()).expect("before the year 500,000")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rankine"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RANKINE_") {
            command.env_remove(name);
        }
    }
    command
        .arg("--home")
        .arg(home)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn run(home: &Path, arguments: &[&str]) {
    let output = command(home, arguments).output().expect("the binary runs");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Starts a process; the addresses in the lines that have these words.
fn started(mut command: Command, words: &[&str]) -> (Child, Vec<String>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (sender, receiver) = std::sync::mpsc::channel();
    let out: Box<dyn std::io::Read + Send> = Box::new(child.stdout.take().expect("a pipe"));
    let err: Box<dyn std::io::Read + Send> = Box::new(child.stderr.take().expect("a pipe"));
    for pipe in [out, err] {
        let sender = sender.clone();
        // what it says afterwards has to go somewhere
        std::thread::spawn(move || {
            BufReader::new(pipe)
                .lines()
                .map_while(Result::ok)
                .for_each(|line| drop(sender.send(line)));
        });
    }
    drop(sender);
    let (mut said, mut found) = (String::new(), vec![String::new(); words.len()]);
    while found.iter().any(String::is_empty) {
        let line = receiver.recv_timeout(std::time::Duration::from_secs(120));
        let line = line.unwrap_or_else(|_| panic!("it says nothing of {words:?}: {said}"));
        for (word, found) in words.iter().zip(&mut found) {
            if let Some((_, rest)) = line.split_once("http://").filter(|_| line.contains(word)) {
                *found = format!("http://{}", rest.split('/').next().unwrap_or_default().trim());
            }
        }
        said += &line;
    }
    (child, found)
}

/// All films of the bundled data, and the ratings of its first users.
fn data(folder: &Path) -> PathBuf {
    let (from, to) = (
        Path::new(REPOSITORY).join("data/movielens-small"),
        folder.join("data"),
    );
    std::fs::create_dir(&to).expect("a folder");
    std::fs::copy(from.join("movies.csv"), to.join("movies.csv")).expect("the bundled films");
    let ratings = std::fs::read_to_string(from.join("ratings.csv")).expect("the bundled ratings");
    let early = |line: &&str| {
        line.split(',')
            .next()
            .is_some_and(|user| user.parse().is_ok_and(|user: i64| user <= USERS))
    };
    let kept: Vec<&str> = ratings
        .lines()
        .take(1)
        .chain(ratings.lines().filter(early))
        .collect();
    std::fs::write(to.join("ratings.csv"), kept.join("\n")).expect("ratings");
    to
}

/// Users like films of their favourite genre.
fn train(home: &Path, folder: &Path, seed: u64) {
    let at = |name: &str| folder.join(name);
    let (conf, model, samples) = (at("arrive.feature.toml"), at("arrive.toml"), at("samples.csv"));
    let mut rows = "userId,movieId,userGenre1,genres,label\n".to_owned();
    let pairs = (0..GENRES.len()).flat_map(|user| (0..GENRES.len()).map(move |film| (user, film)));
    for (user, film) in pairs {
        let (liked, genre) = (GENRES[user], GENRES[film]);
        let row = format!("{user},{film},{liked},{genre},{}\n", u8::from(liked == genre));
        rows += &row.repeat(if liked == genre { 10 } else { 2 });
    }
    std::fs::write(&conf, CONF).expect("a conf");
    std::fs::write(&model, format!("seed = {seed}\n{MODEL}")).expect("a model");
    std::fs::write(&samples, rows).expect("samples");
    run(
        home,
        &[
            "train",
            text(&model),
            "--conf",
            text(&conf),
            "--train",
            text(&samples),
            "--test",
            text(&samples),
        ],
    );
}

/// Two old films are there from the start.
fn stream_config(folder: &Path, wish: &Wish) -> PathBuf {
    let old = |id: i64| {
        let row = json!({"film_id": id, "title": "Old (1990)", "genres": ["War"], "create_time": "1990-01-01 00:00:00"});
        json!({"op": "snapshot", "table": "film", "time": now(), "row": row})
    };
    std::fs::write(
        folder.join("changes.jsonl"),
        format!("{}\n{}\n", old(800_001), old(800_002)),
    )
    .expect("changes");
    std::fs::write(folder.join("tables.sql"), TABLES).expect("tables");
    let config = format!(
        "format = 1\nname = \"films\"\n[source]\nkind = \"file\"\nfile = \"changes.jsonl\"\ntable = \"film\"\nkey = \"film_id\"\n\
         [join]\nsql = \"\"\"{JOIN}\"\"\"\nschema_file = \"tables.sql\"\n[embed]\nmodel = \"arrive\"\nlook_s = 0.2\n\
         [vectors]\ncategory = \"genres\"\n{}\n",
        wish.vectors
    );
    let path = folder.join("stream.toml");
    std::fs::write(&path, config).expect("a configuration");
    path
}

fn server_config(folder: &Path, (url, stream): (&str, &Path), wish: &Wish) -> PathBuf {
    let arrivals = wish.arrivals.as_deref().unwrap_or("model = \"arrive\"\n");
    let config = format!(
        "home = '{}'\ndefault_model = \"arrive\"\n[listen]\nsite = \"127.0.0.1:0\"\nrest = \"127.0.0.1:0\"\ngrpc = \"\"\n\
         [arrivals]\nurl = \"{url}\"\ntimeout_ms = 5000\npoll_ms = 50\n{arrivals}\n[insert]\nstream = '{}'\n\
         [[model]]\nname = \"arrive\"\n",
        folder.join("home").display(),
        stream.display(),
    );
    let path = folder.join("server.toml");
    std::fs::write(&path, config).expect("a configuration");
    path
}
