//! A home folder with the bundled data and small real artefacts, and a server on it.
//!
//! The data is imported once for the whole binary and copied for each test, because tests post events. The models
//! have random weights; they rest on aggregated fields, so that a posted rating changes their scores.

use rankine_feature::{Group, Part, Plan, Rows, Scratch, Value};
use rankine_model::{Draft, GoldenSample, ModelConfig, Network, Parameters, Table, Tensor, Vectors, publish};
use rankine_pipeline::{Aggregates, ImportOptions, import};
use rankine_server::{Listeners, ServerConfig, State, StopHandle, serve_state, stop_pair};
use serde_json::Value as Json;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CONF: &str = r#"
format = 1
name = "history"
schema.user = [
  { name = "userId", type = "int" }, { name = "userRatedMovie1", type = "int" },
  { name = "userAvgRating", type = "float" }, { name = "userRatingCount", type = "int" },
]
schema.item = [
  { name = "movieId", type = "int" }, { name = "movieGenre1", type = "string" },
  { name = "movieAvgRating", type = "float" }, { name = "movieRatingCount", type = "int" },
]
schema.context = [{ name = "timestamp", type = "timestamp" }]
sample = { label = ["label"], group = "userId" }
feature = [
  { name = "last", class = "id", slot = 1, depend = ["userRatedMovie1"] },
  { name = "movie", class = "id", slot = 2, depend = ["movieId"] },
  { name = "genre", class = "id", slot = 3, depend = ["movieGenre1"] },
  { name = "mine", class = "raw", slot = 4, depend = ["userAvgRating"] },
  { name = "theirs", class = "raw", slot = 5, depend = ["movieAvgRating"] },
  { name = "pair", class = "cross", slot = 6, depend = ["userRatedMovie1", "movieGenre1"] },
]
"#;

const MODEL: &str = r#"
format = 1
kind = "widedeep"
conf = "history"
embedding = [
  { slots = [1, 2], table = "movie", dim = 4 }, { slots = [3], table = "genre", dim = 3 },
]
dense = { slots = [4, 5] }
wide = { slots = [6] }
hidden = [8, 6]
"#;

const DSSM: &str = r#"
format = 1
kind = "dssm"
conf = "history"
embedding = [
  { slots = [1, 2], table = "movie", dim = 4 }, { slots = [3], table = "genre", dim = 3 },
]
tower.user = { slots = [1, 4], hidden = [6, 5] }
tower.item = { slots = [2, 3, 5], hidden = [6, 5] }
"#;

/// Microseconds that every clock of the tests starts from: 2026-11-22.
pub(crate) const NOW: i64 = 1_795_000_000_000_000;

fn imported() -> &'static Path {
    static HOME: OnceLock<TempDir> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let source = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/movielens-small"));
        let options = ImportOptions {
            source,
            home: home.path().to_owned(),
            ..ImportOptions::default()
        };
        import(&options, &rankine_table::Progress::silent()).unwrap();
        publish_model(&home.path().join("models"), "widedeep", 1);
        publish_model(&home.path().join("models"), "neuralcf", 2);
        publish_vectors(&home.path().join("models"), 7);
        home
    })
    .path()
}

/// A home of its own with data and models.
pub(crate) fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    copy(imported(), home.path());
    home
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Publishes a Wide & Deep whose scores depend on `seed`, the user's last liked film and mean, the film's genre and
/// mean.
pub(crate) fn publish_model(models: &Path, name: &str, seed: u64) -> u64 {
    publish_kind(models, (name, MODEL), seed)
}

/// Publishes a DSSM over the same features.
pub(crate) fn publish_dssm(models: &Path, name: &str, seed: u64) -> u64 {
    publish_kind(models, (name, DSSM), seed)
}

fn publish_kind(models: &Path, (name, model): (&str, &str), seed: u64) -> u64 {
    let plan = Arc::new(Plan::compile(CONF, "history.toml", None).unwrap());
    let network = Network::compile(&ModelConfig::parse(model, "model.toml").unwrap(), &plan).unwrap();
    let parameters = parameters(&plan, &network, seed);
    let (user, item, context) = (
        user(3).to_vec(),
        item(4, "Drama").to_vec(),
        vec![Value::Time(NOW)],
    );
    let draft = Draft {
        name: name.into(),
        config: model.into(),
        parameters,
        plan: Some(plan),
        golden: vec![GoldenSample { user, item, context }],
        ..Draft::default()
    };
    publish(models, &draft, NOW).unwrap()
}

fn parameters(plan: &Plan, network: &Network, seed: u64) -> Parameters<f32> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut parameters = Parameters::default();
    for spec in &network.tables {
        let mut table = Table::plain(spec.dim);
        table.row_mut(0).0.iter_mut().for_each(|w| *w = random.next());
        parameters.tables.insert(spec.name.clone(), table);
    }
    for (id, genre) in (1..200).zip(
        ["Drama", "Comedy", "Action", "Crime", "Horror"]
            .into_iter()
            .cycle(),
    ) {
        intern(plan, network, &mut parameters, &mut random, id, genre);
    }
    for spec in network.tensors() {
        let data = (0..spec.shape.iter().product()).map(|_| random.next()).collect();
        parameters.dense.insert(spec.name, Tensor::new(&spec.shape, data));
    }
    parameters
}

/// A user's values in the conf's order.
fn user(id: i64) -> [Value; 4] {
    [Value::Int(id), Value::Int(id), Value::Float(3.0), Value::Int(1)]
}

/// A film's values in the conf's order.
fn item(id: i64, genre: &str) -> [Value; 4] {
    [
        Value::Int(id),
        Value::str(genre),
        Value::Float(3.0),
        Value::Int(1),
    ]
}

/// Gives the signs of one user with one film a row.
fn intern(
    plan: &Plan,
    network: &Network,
    to: &mut Parameters<f32>,
    random: &mut Random,
    id: i64,
    genre: &str,
) {
    let (user, item, context) = (user(id), item(id, genre), [Value::Time(NOW)]);
    let (mut s, [mut common, mut items, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
    plan.common(&user, &context, &mut s, &mut common);
    plan.item(&item, &mut s, &mut items);
    plan.cross(
        Rows {
            user: &user,
            item: &item,
            context: &context,
        },
        &common,
        &items,
        &mut s,
        &mut cross,
    );
    for column in &network.columns {
        let part = match column.slot.group {
            Group::Common => &common,
            Group::Item => &items,
            Group::Cross => &cross,
        };
        let table = to.tables.get_mut(&network.tables[column.table].name).unwrap();
        for sign in part.sparse(column.slot.index).0 {
            table.intern(*sign, |row| row.iter_mut().for_each(|w| *w = random.next()));
        }
    }
}

/// Publishes vectors for the first 2,000 film ids of the data.
pub(crate) fn publish_vectors(models: &Path, seed: u64) -> u64 {
    let mut random = Random(seed | 1);
    let ids: Vec<i64> = (1..=2_000).collect();
    let rows = (0..ids.len() * 8).map(|_| random.next()).collect();
    let vectors = Some(Vectors { ids, dim: 8, rows });
    let config = "format = 1\nkind = \"item2vec\"\n".to_owned();
    publish(
        models,
        &Draft {
            name: "item2vec".into(),
            config,
            vectors,
            ..Draft::default()
        },
        NOW,
    )
    .unwrap()
}

/// Small numbers in [−0.5, 0.5).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    }
}

/// A configuration for a home, without the model that the fixture does not publish.
pub(crate) fn config(home: &Path) -> ServerConfig {
    let mut config = ServerConfig::for_home(home);
    config.model.retain(|model| model.name != "embeddingmlp");
    config.default_model = "widedeep".to_owned();
    config.limits.deadline_ms = 60_000;
    config.ranker.timeout_ms = 60_000;
    config
}

/// A running server; stops when dropped.
pub(crate) struct Server {
    pub(crate) state: Arc<State>,
    pub(crate) site: String,
    pub(crate) rest: String,
    pub(crate) grpc: String,
    stop: Option<StopHandle>,
    thread: Option<JoinHandle<()>>,
    agent: ureq::Agent,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) headers: ureq::http::HeaderMap,
}

impl Answer {
    /// The JSON of a success.
    pub(crate) fn good(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
}

impl Server {
    /// Starts a server on free ports.
    pub(crate) fn start(config: ServerConfig) -> Server {
        let ticks = AtomicI64::new(NOW);
        let state = State::open(config, Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed))).unwrap();
        let bind = |_| TcpListener::bind("127.0.0.1:0").unwrap();
        let [site, rest, grpc] = [0, 1, 2].map(bind);
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (site_address, rest_address, grpc_address) = (address(&site), address(&rest), address(&grpc));
        let (stop, stopped) = stop_pair();
        let served = state.clone();
        let site = (!state.config().listen.site.is_empty()).then_some(site);
        let listeners = Listeners {
            site,
            rest: Some(rest),
            grpc: Some(grpc),
        };
        let thread = std::thread::spawn(move || serve_state(served, listeners, stopped).unwrap());
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let (stop, thread, agent) = (Some(stop), Some(thread), config.into());
        Server {
            state,
            site: site_address,
            rest: rest_address,
            grpc: grpc_address,
            stop,
            thread,
            agent,
        }
    }

    /// Starts a server on a home and waits until its models are loaded.
    pub(crate) fn on(home: &Path) -> Server {
        let server = Server::start(config(home));
        server.wait_for_models();
        server
    }

    /// Waits until every configured model serves.
    pub(crate) fn wait_for_models(&self) {
        wait_until("models", || {
            self.state
                .status()
                .models
                .iter()
                .all(|model| model.version.is_some())
        });
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(format!("{}{path}", self.site)).call())
    }

    pub(crate) fn get_rest(&self, path: &str) -> Answer {
        answer(self.agent.get(format!("{}{path}", self.rest)).call())
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.site));
        answer(request.header("content-type", "application/json").send(body))
    }

    /// The status of a post to the predictor's port; none where the server closed before it had read all of it, which a
    /// client may see of a refused body.
    pub(crate) fn rest_status(&self, path: &str, body: &str) -> Option<u16> {
        let sent = self.agent.post(format!("{}{path}", self.rest)).send(body);
        sent.ok().map(|answer| answer.status().as_u16())
    }

    /// A post to the predictor's port, with more headers.
    pub(crate) fn rest_post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.rest));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.header("content-type", "application/json").send(body))
    }

    /// A recommendation, which must succeed.
    pub(crate) fn recommend(&self, user: i64, model: &str, size: usize) -> Vec<Json> {
        let answer = self.get(&format!("/getrecforyou?id={user}&size={size}&model={model}"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json().as_array().unwrap().clone()
    }

    /// Posts a rating, which must succeed.
    pub(crate) fn rate(&self, user: i64, item: i64, value: f64) -> Json {
        let body = format!(r#"{{"user":{user},"item":{item},"kind":"rating","value":{value}}}"#);
        let answer = self.post("/events", &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Stops it and waits for its end.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer {
        status,
        text: response.body_mut().read_to_string().unwrap(),
        headers,
    }
}

/// Waits for something that another thread does; fails after a minute.
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited a minute for {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Names of the user's fields, for tests that look at rows.
pub(crate) fn user_field(server: &Server, user: i64, name: &str) -> Value {
    assert!(Aggregates::user_fields().iter().any(|field| field.0 == name));
    server.state.rows().user(user).unwrap().get(name).unwrap().clone()
}
