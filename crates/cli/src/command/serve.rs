//! `rankine serve`: recommendations, pages and predictions until Ctrl-C.
//!
//! Every key of the configuration is a flag and a variable; the table of them is the server's, so that a new key needs
//! nothing here.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, FromArgMatches};
use rankine_server::serve::serve_state;
use rankine_server::settings::{Given, SETTINGS, Setting, mistyped};
use rankine_server::{Listeners, ServerConfig, State, stop_pair};

use super::Globals;
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine serve\n  \
    rankine serve --config server.toml --site 127.0.0.1:0\n  \
    RANKINE_LIMITS_PERMITS=8 rankine serve --limits-size 100 --print-config\n  \
    rankine serve --site '' --rest 127.0.0.1:8501        (a predictor only)\n  \
    rankine serve --site '' --model dssm                 (of one model; nothing has to be imported)\n  \
    rankine serve --rest '' --grpc '' --ranker-url http://127.0.0.1:8501")]
pub(crate) struct Options {
    /// Server configuration; config/server.toml is the commented reference
    #[arg(long, value_name = "FILE", env = "RANKINE_CONFIG")]
    config: Option<PathBuf>,
    /// Print the configuration as it would be used, and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    given: Settings,
}

/// The keys of the configuration that the command line or the environment gives.
#[derive(Debug)]
struct Settings(Vec<Given>);

impl Args for Settings {
    fn augment_args(command: clap::Command) -> clap::Command {
        SETTINGS.iter().map(flag).fold(command, clap::Command::arg)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// A key as a flag with its variable.
fn flag(setting: &'static Setting) -> Arg {
    Arg::new(setting.key)
        .long(setting.flag)
        .visible_aliases(setting.alias)
        .env(setting.env)
        .hide_env_values(true)
        .value_name("VALUE")
        .help(setting.help)
        .help_heading("Keys of the configuration (flag, then variable, then file, then default)")
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &'static Setting| {
            let text = matches.get_one::<String>(setting.key)?.clone();
            let origin = match matches.value_source(setting.key) {
                Some(ValueSource::EnvVariable) => setting.env.to_owned(),
                _ => format!("--{}", setting.flag),
            };
            Some(Given {
                setting,
                origin,
                text,
            })
        };
        Ok(Settings(SETTINGS.iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Serves, or prints what it would serve by.
///
/// # Errors
/// Faults of the configuration, an address in use, data that cannot be opened.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let config = configured(options, globals)?;
    if !options.print_config {
        return until_stopped(config);
    }
    if globals.json {
        return output::json(&config);
    }
    output::line(config.to_toml()?.trim_end());
    Ok(())
}

/// The file's configuration, or the defaults, under the variables and the flags.
fn configured(options: &Options, globals: &Globals) -> anyhow::Result<ServerConfig> {
    let variables: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    let slips = mistyped(variables.iter().map(String::as_str));
    if !slips.is_empty() {
        bail!("{}", slips.join("\n"));
    }
    let (mut config, file) = match &options.config {
        Some(path) => (ServerConfig::load(path)?, path.display().to_string()),
        None => (
            ServerConfig::for_home(globals.home().root()),
            "configuration".to_owned(),
        ),
    };
    if let Some(home) = &globals.home {
        config.home.clone_from(home);
    }
    let config = config.overlaid(&options.given.0)?;
    config.check(&file)?;
    Ok(config)
}

/// Binds, says where, serves until Ctrl-C or a termination signal.
///
/// # Errors
/// As [`run`].
fn until_stopped(config: ServerConfig) -> anyhow::Result<()> {
    let listeners = Listeners::bind(&config)?;
    on(listeners, config)
}

/// Says where it listens, serves until Ctrl-C or a termination signal.
///
/// # Errors
/// Data that cannot be opened.
pub(crate) fn on(listeners: Listeners, config: ServerConfig) -> anyhow::Result<()> {
    let (stop, stopped) = stop_pair();
    let mut stop = Some(stop);
    ctrlc::set_handler(move || match stop.take() {
        Some(stop) => stop.stop(),
        None => std::process::exit(130),
    })?;
    let state = State::open(config, Arc::new(clock::now_micros))?;
    announce(&listeners, &state);
    serve_state(state, listeners, stopped)?;
    Ok(())
}

/// The addresses as they were bound, with a page of the model that ranks and the state of one that predicts.
fn announce(listeners: &Listeners, state: &State) {
    if let Some(address) = listeners.site.as_ref().and_then(|l| l.local_addr().ok()) {
        let (user, model) = (state.known_user(6), state.default_model());
        output::line(&format!(
            "recommendations  http://{address}/user.html?id={user}&model={model}"
        ));
    }
    if let Some(address) = listeners.rest.as_ref().and_then(|l| l.local_addr().ok()) {
        let model = state.config().predicted();
        let path = model.map_or_else(|| "status".to_owned(), |model| format!("v1/models/{model}"));
        output::line(&format!("predictions      http://{address}/{path}"));
    }
    if let Some(address) = listeners.grpc.as_ref().and_then(|l| l.local_addr().ok()) {
        output::line(&format!("grpc             http://{address}/rankine.v1.Predictor"));
    }
    output::line("Ctrl-C stops");
}
