//! Keyed rows (memory, redb, Redis) and the append-only event log.
