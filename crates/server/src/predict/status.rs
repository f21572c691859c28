//! The state of everything loaded, for `Status`, `/v1/status`, `/status` and `/metrics`.

use crate::grpc::proto;
use crate::state::State;
use rankine_dict::Status;

/// Models first, then listed confs, then the other dictionaries.
pub(super) fn status(state: &State) -> proto::StatusResponse {
    let permits = state.config().limits.permits;
    let under_way = permits.saturating_sub(state.questions().available_permits());
    let dictionaries = state
        .dictionaries()
        .into_iter()
        .map(|(kind, status)| one(kind, status, state.now()));
    proto::StatusResponse {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        dictionaries: dictionaries.collect(),
        under_way: wide(under_way),
        permits: wide(permits),
    }
}

fn one(kind: &str, status: Status, now: i64) -> proto::DictionaryStatus {
    let loaded = status.generation > 0;
    proto::DictionaryStatus {
        kind: kind.to_owned(),
        version: status.version.unwrap_or(0),
        generation: status.generation,
        loaded_at: status.loaded_at,
        age_micros: if loaded { now - status.loaded_at } else { 0 },
        load_micros: status.load_micros,
        bytes: status.bytes,
        old_generations: wide(status.old_generations),
        old_readers: wide(status.old_readers),
        loads: status.loads,
        failures: status.failures,
        error: status.error.map(|failure| failure.message).unwrap_or_default(),
        name: status.name,
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
