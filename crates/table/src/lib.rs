//! Rows in and out: CSV, JSON lines, Parquet, text lines; reject files; progress.
