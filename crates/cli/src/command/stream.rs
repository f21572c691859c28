//! `rankine stream`: follows a table's changes and keeps an index of item vectors up to date, until Ctrl-C.
//!
//! Everything is the pipeline's; here the parts are put together as the configuration says.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Args;
use rankine_pipeline::stream::config::StreamConfig;
use rankine_pipeline::stream::dead::Replay;
use rankine_pipeline::stream::{self, Status};
use rankine_server::stop_pair;
use rankine_server::stream::{StreamView, serve_stream};

use super::Globals;
use crate::dictionaries::Dictionaries;
use crate::streaming::{Assembled, assemble};
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine stream coldstart.toml\n  \
    rankine stream coldstart.toml --replay .rankine/stream/coldstart/dead.jsonl\n  \
    rankine stream coldstart.toml --until-idle --json")]
pub(crate) struct Options {
    /// The stream's configuration; config/stream.toml is the commented reference
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// Make these dead letters again; the file (`HOME/stream/NAME/dead.jsonl`) is renamed once they are taken
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// End once the source has nothing more and no row waits
    #[arg(long)]
    until_idle: bool,
    /// Address of metrics, state and search, instead of the configuration's; an empty text switches them off
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// Streams until it is stopped.
///
/// # Errors
/// Faults of the configuration; a table, a statement or a model that cannot be used.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    let dsn = std::env::var("RANKINE_STREAM_DSN").ok();
    let mut plan = StreamConfig::load(&options.config)?.compile(&options.config, dsn, clock::now_micros)?;
    plan.settings.until_idle = options.until_idle;
    let replay = options
        .replay
        .as_deref()
        .map(taken_back)
        .transpose()?
        .unwrap_or_default();
    let listen = options.listen.as_ref().unwrap_or(&plan.config.listen).clone();
    let Assembled {
        parts,
        rows,
        titles,
        search,
    } = assemble(&plan, &home, &options.dictionaries)?;
    let status = Arc::new(Status::default());
    let stop = Arc::new(AtomicBool::new(false));
    let signal = stop.clone();
    ctrlc::set_handler(move || {
        if signal.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    let view = StreamView {
        status: status.clone(),
        vectors: search.clone(),
        set: plan.settings.set.clone(),
        users: plan
            .config
            .users
            .is_given()
            .then(|| plan.config.users.set.clone()),
        rows: rows.clone(),
        titles: titles.clone(),
        begun: clock::now_micros(),
    };
    let (served, stopped) = stop_pair();
    let server = served_at(&listen, view, stopped)?;
    let ended = stream::run(plan.settings, parts, &replay, &status, &stop);
    served.stop();
    if let Some(server) = server {
        let _ = server.join();
    }
    // a connection to PostgreSQL closes outside the server's runtime, or the process dies of it
    drop((search, rows, titles));
    told(&status, globals)?;
    Ok(ended?)
}

/// Reads dead letters; their file is renamed once the stream has taken them.
fn taken_back(path: &std::path::Path) -> anyhow::Result<Replay> {
    let replay = Replay::open(path)?;
    let all = replay.letters().len();
    let blank = replay
        .letters()
        .iter()
        .filter(|l| l.key.is_none() && l.raw.is_none());
    let told = match blank.count() {
        0 => String::new(),
        some => format!(", {some} of which say neither key nor record and cannot be made again"),
    };
    output::note(&format!("{all} letters of {}{told}", path.display()));
    Ok(replay)
}

/// Serves metrics, state and search on a thread of its own.
fn served_at(
    listen: &str,
    view: StreamView,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<Option<std::thread::JoinHandle<()>>> {
    if listen.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(listen).with_context(|| listen.to_owned())?;
    output::note(&format!("stream: http://{}/stream", listener.local_addr()?));
    let serve = move || {
        if let Err(error) = serve_stream(listener, view, stopped) {
            output::note(&error.to_string());
        }
    };
    Ok(Some(std::thread::spawn(serve)))
}

fn told(status: &Status, globals: &Globals) -> anyhow::Result<()> {
    let figures = status.json(false);
    if globals.json {
        return output::json(&figures);
    }
    output::line(&format!(
        "{} changes: {} embedded, {} made again, {} removed, {} not eligible, {} dead letters; searchable after {} ms (p50), {} ms (p99)",
        figures["changes"],
        figures["embedded"],
        figures["remade"],
        figures["removed"],
        figures["ineligible"],
        figures["dead"],
        figures["latency_ms_p50"],
        figures["latency_ms_p99"],
    ));
    Ok(())
}
