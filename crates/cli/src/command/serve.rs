//! `rankine serve`: recommendations, pages and predictions until Ctrl-C.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rankine_server::config::RankerKind;
use rankine_server::serve::serve_state;
use rankine_server::{Listeners, ServerConfig, State, stop_pair};

use super::Globals;
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine serve\n  \
    rankine serve --config server.toml --site 127.0.0.1:0\n  \
    rankine serve --site '' --rest 127.0.0.1:8501        (a predictor only)\n  \
    rankine serve --rest '' --ranker-url http://127.0.0.1:8501")]
pub(crate) struct Options {
    /// Server configuration; config/server.toml is the commented reference
    #[arg(long, value_name = "FILE", env = "RANKINE_CONFIG")]
    config: Option<PathBuf>,
    /// Address of the API and the pages; empty: off
    #[arg(long, value_name = "ADDRESS", env = "RANKINE_LISTEN_SITE")]
    site: Option<String>,
    /// Address of TensorFlow Serving REST, /metrics and /status; empty: off
    #[arg(long, value_name = "ADDRESS", env = "RANKINE_LISTEN_REST")]
    rest: Option<String>,
    /// Rank through this predictor instead of in process
    #[arg(long, value_name = "URL", env = "RANKINE_RANKER_URL")]
    ranker_url: Option<String>,
    /// Keep feature rows in this Redis
    #[arg(long, value_name = "URL", env = "RANKINE_STORE_URL")]
    store_url: Option<String>,
    /// Threads that compute; 0: one per core
    #[arg(long, env = "RANKINE_THREADS")]
    threads: Option<usize>,
}

/// Serves.
///
/// # Errors
/// Faults of the configuration, an address in use, data that cannot be opened.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    until_stopped(configured(options, globals)?)
}

/// The file's configuration under the flags.
fn configured(options: &Options, globals: &Globals) -> anyhow::Result<ServerConfig> {
    let mut config = match &options.config {
        Some(path) => {
            let file = ServerConfig::load(path)?;
            ServerConfig {
                home: globals.home.clone().unwrap_or_else(|| file.home.clone()),
                ..file
            }
        }
        None => ServerConfig::for_home(globals.home().root()),
    };
    let set = |to: &mut String, from: &Option<String>| {
        if let Some(value) = from {
            to.clone_from(value);
        }
    };
    set(&mut config.listen.site, &options.site);
    set(&mut config.listen.rest, &options.rest);
    set(&mut config.ranker.url, &options.ranker_url);
    set(&mut config.store.url, &options.store_url);
    if options.ranker_url.is_some() {
        config.ranker.kind = RankerKind::Remote;
    }
    if options.store_url.is_some() {
        config.store.kind = rankine_server::config::StoreKind::Redis;
    }
    config.threads = options.threads.unwrap_or(config.threads);
    config.check("command line")?;
    Ok(config)
}

/// Binds, says where, serves until Ctrl-C or a termination signal.
///
/// # Errors
/// As [`run`].
pub(crate) fn until_stopped(config: ServerConfig) -> anyhow::Result<()> {
    let listeners = Listeners::bind(&config)?;
    let (stop, stopped) = stop_pair();
    let mut stop = Some(stop);
    ctrlc::set_handler(move || match stop.take() {
        Some(stop) => stop.stop(),
        None => std::process::exit(130),
    })?;
    let state = State::open(config, Arc::new(clock::now_micros))?;
    announce(&listeners);
    serve_state(state, listeners, stopped)?;
    Ok(())
}

/// The addresses as they were bound.
fn announce(listeners: &Listeners) {
    if let Some(address) = listeners.site.as_ref().and_then(|l| l.local_addr().ok()) {
        output::line(&format!(
            "recommendations  http://{address}/user.html?id=6&model=widedeep"
        ));
    }
    if let Some(address) = listeners.rest.as_ref().and_then(|l| l.local_addr().ok()) {
        output::line(&format!("predictions      http://{address}/v1/models/neuralcf"));
    }
    output::line("Ctrl-C stops");
}
