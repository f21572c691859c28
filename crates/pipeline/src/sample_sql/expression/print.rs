//! A tree as SQL of a dialect, with brackets only where they are needed.
//!
//! The decision: division has a fraction and no fault (`CAST`, `NULLIF`), a condition as a value is 1 or 0, a value as a
//! condition is `<> 0`; so that five dialects give the same figures.

use super::{Binary, Node};
use crate::sample_sql::Dialect;

/// The value of a tree in a dialect.
#[must_use]
pub fn print(node: &Node, dialect: Dialect) -> String {
    Printer { dialect }.value(node, 0)
}

struct Printer {
    dialect: Dialect,
}

fn bracketed(text: String, level: u8, least: u8) -> String {
    if level < least { format!("({text})") } else { text }
}

impl Printer {
    /// A number, text or NULL.
    #[expect(clippy::wildcard_enum_match_arm, reason = "conditions are the rest")]
    fn value(&self, node: &Node, least: u8) -> String {
        match node {
            Node::Number(text) => text.clone(),
            Node::Text(text) => self.dialect.text(text),
            Node::Null => "NULL".to_owned(),
            Node::Star => "*".to_owned(),
            Node::Column(name, _) => self.dialect.name(name),
            Node::Negative(x) => bracketed(format!("- {}", self.value(x, 8)), 7, least),
            Node::Binary(operator, left, right) if !operator.is_condition() => {
                self.arithmetic(*operator, (left, right), least)
            }
            Node::Case(branches, otherwise) => self.case(branches, otherwise.as_deref()),
            Node::Call(function, distinct, list, _) => {
                let distinct = if *distinct { "DISTINCT " } else { "" };
                let list: Vec<String> = list.iter().map(|x| self.value(x, 0)).collect();
                let list = match function.name {
                    "avg" => self.double(&list.join(", ")),
                    _ => list.join(", "),
                };
                format!("{}({distinct}{list})", function.printed)
            }
            condition => format!("CASE WHEN {} THEN 1 ELSE 0 END", self.condition(condition, 0)),
        }
    }

    fn double(&self, value: &str) -> String {
        format!("CAST({value} AS {})", self.dialect.double())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other operators are written as they are"
    )]
    fn arithmetic(&self, operator: Binary, (left, right): (&Node, &Node), least: u8) -> String {
        let (sign, level) = operator.form();
        let text = match operator {
            Binary::Over => {
                let (left, right) = (self.value(left, 0), self.value(right, 0));
                format!("{} / NULLIF({right}, 0)", self.double(&left))
            }
            Binary::Modulo => {
                let (left, right) = (self.value(left, level), self.value(right, 0));
                format!("{left} % NULLIF({right}, 0)")
            }
            _ => format!(
                "{} {sign} {}",
                self.value(left, level),
                self.value(right, level + 1)
            ),
        };
        bracketed(text, level, least)
    }

    fn case(&self, branches: &[(Node, Node)], otherwise: Option<&Node>) -> String {
        let mut text = "CASE".to_owned();
        for (condition, then) in branches {
            let (condition, then) = (self.condition(condition, 0), self.value(then, 0));
            text += &format!(" WHEN {condition} THEN {then}");
        }
        if let Some(otherwise) = otherwise {
            text += &format!(" ELSE {}", self.value(otherwise, 0));
        }
        text + " END"
    }

    /// What `WHEN` may be followed by.
    #[expect(clippy::wildcard_enum_match_arm, reason = "values are the rest")]
    fn condition(&self, node: &Node, least: u8) -> String {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        let (text, level) = match node {
            Node::Not(x) => (format!("NOT {}", self.condition(x, 4)), 3),
            Node::IsNull(x, negated) => (format!("{} IS {}NULL", self.value(x, 5), not(negated)), 4),
            Node::In(x, list, negated) => {
                let list: Vec<String> = list.iter().map(|x| self.value(x, 0)).collect();
                let (x, list) = (self.value(x, 5), list.join(", "));
                (format!("{x} {}IN ({list})", not(negated)), 4)
            }
            Node::Between(x, bounds, negated) => {
                let (low, high) = (self.value(&bounds.0, 5), self.value(&bounds.1, 5));
                let x = self.value(x, 5);
                (format!("{x} {}BETWEEN {low} AND {high}", not(negated)), 4)
            }
            Node::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
                let (sign, level) = operator.form();
                let (left, right) = (self.condition(left, level), self.condition(right, level + 1));
                (format!("{left} {sign} {right}"), level)
            }
            Node::Binary(operator, left, right) if operator.is_condition() => {
                let (sign, level) = operator.form();
                let (left, right) = (self.value(left, 5), self.value(right, 5));
                (format!("{left} {sign} {right}"), level)
            }
            value => (format!("{} <> 0", self.value(value, 5)), 4),
        };
        bracketed(text, level, least)
    }
}
