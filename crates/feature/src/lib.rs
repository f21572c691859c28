//! Schemas, samples, operators, plan, groups, extraction.
