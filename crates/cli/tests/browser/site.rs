//! The real binary, serving the demo of the bundled data and one film that tries to break out of its title.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

/// The film that is not in the data.
pub(crate) const FILM: i64 = 999_999;
/// Its title, as the catalogue has it.
pub(crate) const TITLE: &str = "<script>document.title='broken'</script><img src=x onerror=alert(1)>";
/// How long the demo may take to train and serve on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(900);

/// A running demo; killed when dropped.
pub(crate) struct Site {
    child: Child,
    /// `http://127.0.0.1:port` of the pages.
    pub(crate) address: String,
    agent: ureq::Agent,
    folder: tempfile::TempDir,
}

impl Site {
    /// Trains and serves; ready when the models are loaded.
    pub(crate) fn start() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let data = data(folder.path());
        let mut child = Command::new(env!("CARGO_BIN_EXE_rankine"))
            .args(["demo", "--site", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--home"])
            .arg(folder.path().join("home"))
            .arg("--data")
            .arg(data)
            .env("RANKINE_LISTEN_GRPC", "")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = lines(&mut child);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let mut site = Site {
            child,
            address: String::new(),
            agent,
            folder,
        };
        site.address = address(&lines, "recommendations");
        let rest = address(&lines, "predictions");
        site.wait_for_models(&rest);
        site
    }

    /// The home of the demo.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn wait_for_models(&self, rest: &str) {
        let begun = Instant::now();
        while !self.loaded(rest) {
            assert!(begun.elapsed() < PATIENCE, "the models were not loaded in time");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn loaded(&self, rest: &str) -> bool {
        let Ok(mut answer) = self.agent.get(format!("{rest}/status")).call() else {
            return false;
        };
        let status: Value = answer.body_mut().read_json().unwrap_or_default();
        let models = status["models"].as_array().map(Vec::as_slice).unwrap_or_default();
        !models.is_empty() && models.iter().all(|model| model["version"].is_u64())
    }

    /// An answer's status, headers and body.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<(u16, ureq::http::HeaderMap, String)> {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.address))
            .call()
            .context(path.to_owned())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok((status, headers, answer.body_mut().read_to_string()?))
    }

    /// Sends a form as a browser would from `origin`; the status.
    pub(crate) fn send_form(&self, path: &str, origin: &str, form: &str) -> anyhow::Result<u16> {
        let request = self
            .agent
            .post(format!("{}{path}", self.address))
            .header("origin", origin);
        Ok(request
            .header("content-type", "application/x-www-form-urlencoded")
            .send(form)?
            .status()
            .as_u16())
    }

    /// Ids of the films the API recommends, best first.
    pub(crate) fn recommended(&self, user: i64, model: &str) -> anyhow::Result<Vec<String>> {
        let (status, _, text) = self.get(&format!("/getrecforyou?id={user}&size=32&model={model}"))?;
        ensure!(status == 200, "{text}");
        let films: Vec<Value> = serde_json::from_str(&text)?;
        Ok(films.iter().map(|film| film["movieId"].to_string()).collect())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The bundled data and the film.
fn data(folder: &Path) -> PathBuf {
    let (from, to) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/movielens-small"),
        folder.join("data"),
    );
    std::fs::create_dir(&to).expect("a folder");
    for file in ["movies.csv", "ratings.csv"] {
        std::fs::copy(from.join(file), to.join(file)).expect("the bundled data");
    }
    let mut movies = std::fs::read_to_string(to.join("movies.csv")).expect("the bundled films");
    movies.push_str(&format!("{FILM},\"{TITLE} (2001)\",Comedy|<b>Odd</b>\n"));
    std::fs::write(to.join("movies.csv"), movies).expect("the films");
    to
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    std::thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    receiver
}

/// The address in the line that begins with `word`.
fn address(lines: &Receiver<String>, word: &str) -> String {
    loop {
        let line = lines
            .recv_timeout(PATIENCE)
            .expect("the demo says where it serves");
        if let Some(rest) = line.strip_prefix(word) {
            let url = rest.trim().strip_prefix("http://").expect("an address");
            return format!("http://{}", url.split('/').next().expect("a host"));
        }
    }
}
