//! Sources, imports, aggregates, samples, sinks.
