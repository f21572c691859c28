//! A server as a child process, and a client for it.
//!
//! The addresses are read from what the server prints; it is killed when the test is done with it, however it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;

use crate::home::{command, wait_until};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: ureq::http::HeaderMap,
    /// Body.
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of an answer that must be a success.
    pub(crate) fn good(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The page of a user that must be ranked by `model`, and say so where models are chosen.
    pub(crate) fn chosen(&self, model: &str) {
        assert_eq!(self.status, 200, "{model}: {}", self.text);
        let marked = format!(" aria-current=\"true\">{model}</a>");
        assert!(self.text.contains(&marked), "{model}: {}", self.text);
        let ranked = format!("Ranked by {model}, version ");
        assert!(self.text.contains(&ranked), "{model}: {}", self.text);
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    agent: ureq::Agent,
}

impl Client {
    fn new(base: &str) -> Client {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(120)))
            .http_status_as_error(false)
            .build();
        Client {
            base: base.to_owned(),
            agent: config.into(),
        }
    }

    /// `http://address:port`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `GET`, or the reason why there is no answer at all.
    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, String> {
        answer(self.agent.get(format!("{}{path}", self.base)).call())
    }

    /// `GET`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path)
            .unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `POST` of JSON, or the reason why there is no answer at all.
    pub(crate) fn try_post(&self, path: &str, body: &str) -> Result<Answer, String> {
        let request = self.agent.post(format!("{}{path}", self.base));
        answer(request.header("content-type", "application/json").send(body))
    }

    /// `POST` of JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// Recommended films, which must come.
    pub(crate) fn recommend(&self, user: i64, model: &str, size: usize) -> Vec<Json> {
        let films = self
            .get(&format!("/getrecforyou?id={user}&size={size}&model={model}"))
            .good();
        films.as_array().expect("a list").clone()
    }

    /// Posts a rating, which must be taken.
    pub(crate) fn rate(&self, user: i64, item: i64, value: f64) -> Json {
        let body = format!(r#"{{"user":{user},"item":{item},"kind":"rating","value":{value}}}"#);
        self.post("/events", &body).good()
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.body_mut().with_config().limit(64 << 20).read_to_string();
    let text = text.map_err(|error| error.to_string())?;
    Ok(Answer {
        status,
        headers,
        text,
    })
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    site: Option<Client>,
    rest: Option<Client>,
    grpc: Option<String>,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Both ports on a home, ready to answer with all models.
    pub(crate) fn on(home: &Path) -> Server {
        Server::with(home, &[])
    }

    /// The same with more arguments.
    pub(crate) fn with(home: &Path, arguments: &[&str]) -> Server {
        let server = Server::start(home, "127.0.0.1:0", "127.0.0.1:0", arguments);
        server.wait_for_models();
        server
    }

    /// A predictor: no site.
    pub(crate) fn predictor(home: &Path) -> Server {
        let server = Server::start(home, "", "127.0.0.1:0", &[]);
        server.wait_for_models();
        server
    }

    /// `serve` with these addresses; its ports are bound, no more.
    pub(crate) fn start(home: &Path, site: &str, rest: &str, arguments: &[&str]) -> Server {
        let arguments = [&["serve", "--site", site, "--rest", rest], arguments].concat();
        Server::run(home, &arguments)
    }

    /// A verb that ends in serving.
    pub(crate) fn run(home: &Path, arguments: &[&str]) -> Server {
        let mut command = command(home, arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let said = Arc::new(Mutex::new(String::new()));
        let lines = read_lines(child.stdout.take().unwrap(), said.clone());
        drop(read_lines(child.stderr.take().unwrap(), said.clone()));
        let mut server = Server {
            child,
            site: None,
            rest: None,
            grpc: None,
            said,
        };
        server.listen(&lines);
        server
    }

    /// Reads the addresses up to the last line of the announcement.
    fn listen(&mut self, lines: &Receiver<String>) {
        loop {
            let line = lines.recv_timeout(Duration::from_secs(120));
            let line = line.unwrap_or_else(|_| panic!("it did not say where it listens: {}", self.said()));
            if line.starts_with("recommendations") {
                self.site = Some(Client::new(&base(&line)));
            } else if line.starts_with("predictions") {
                self.rest = Some(Client::new(&base(&line)));
            } else if line.starts_with("grpc") {
                self.grpc = Some(base(&line));
            } else if line == "Ctrl-C stops" {
                return;
            }
        }
    }

    /// Waits until every configured model serves.
    pub(crate) fn wait_for_models(&self) {
        wait_until("the models", || {
            let status = self.rest().get("/status").good();
            let models = status["models"].as_array().unwrap();
            models.iter().all(|model| !model["version"].is_null())
        });
    }

    /// The API and the pages.
    pub(crate) fn site(&self) -> &Client {
        self.site.as_ref().expect("it has a site")
    }

    /// TensorFlow Serving REST, metrics, status.
    pub(crate) fn rest(&self) -> &Client {
        self.rest.as_ref().expect("it has a predictor port")
    }

    /// `http://address:port` of gRPC.
    pub(crate) fn grpc(&self) -> &str {
        self.grpc.as_deref().expect("it has a gRPC port")
    }

    /// Whether it has a site.
    pub(crate) fn has_site(&self) -> bool {
        self.site.is_some()
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// One model's entry in `/status`.
    pub(crate) fn model_status(&self, name: &str) -> Json {
        let status = self.rest().get("/status").good();
        let models = status["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap().clone()
    }

    /// SIGKILL, and waits for its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ctrl-C, and waits for its end.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        signal("INT", self.child.id());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a signal to one process.
pub(crate) fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process}");
    let status = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status()
        .unwrap();
    assert!(status.success(), "{kill}");
}

/// `http://address` of a line that ends in a URL.
fn base(line: &str) -> String {
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    format!(
        "http://{}",
        address.unwrap_or_else(|| panic!("no address in {line}"))
    )
}

/// Lines as they come; all of them are kept too.
fn read_lines(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.lock().unwrap().push_str(&format!("{line}\n"));
            sender.send(line).ok();
        }
    });
    receiver
}
