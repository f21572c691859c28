//! The `rankine` binary: one verb per file under `command`, everything else in the libraries.
//!
//! A verb parses its arguments, calls the crates that do the work and prints what they answer: as text for people, as
//! one JSON value with `--json`. The decision: errors travel up as `anyhow` with their context and are printed once,
//! here; the exit code is 1 for a failure and 2 for a misused command line (clap's).

mod clock;
mod command;
mod dictionaries;
mod given;
mod home;
mod keys;
mod output;
mod preparing;
mod progress;
mod recipe;
mod sink;
mod source;
mod streaming;
mod training;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    output::start_logging(arguments.globals.verbose);
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::FAILURE
        }
    }
}
