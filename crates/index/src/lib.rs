//! Vector search: exact; upsert, delete, filter, files.
