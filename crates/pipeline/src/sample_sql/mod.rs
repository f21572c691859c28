//! Samples from a template: SQL that makes labelled, point-in-time joined rows of behaviour, user and item tables.
//!
//! Where it sits: before training, in place of hand-written sample SQL; `rankine sample sql` prints it, `rankine sample build
//! TEMPLATE` runs it by days. The decision: one statement of plain equi-joins, `MAX` and `GROUP BY`, so that the same text
//! (names and strings aside) means the same on SQLite, PostgreSQL, Spark, MaxCompute and Hive; no feature is younger than
//! the first event of its sample.

pub mod build;
mod dialect;
pub mod expression;
mod json;
mod leak;
mod negatives;
#[cfg(test)]
mod oracle;
mod outputs;
mod pairs;
mod position;
mod side;
mod statement;
mod tables;
mod template;
#[cfg(test)]
mod tests;
mod variables;

pub use self::dialect::Dialect;
pub use self::leak::{Leak, leaks};
pub use self::outputs::{Origin, Output, inputs, outputs, twice};
pub use self::statement::statement;
pub use self::tables::{Behaviour, Feature, Side, Tables};
pub use self::template::{Grain, LabelKind, Negatives, Template};
pub use self::variables::{Day, Variables};
