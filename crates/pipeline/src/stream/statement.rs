//! The user's SQL with named parameters: `:ids`, `:as_of`, `:keys`.
//!
//! Used by every lookup. The decision: parameters are found by a scanner that knows strings, quoted names, comments and
//! casts, and nothing else of SQL; the statement itself is the database's to judge.

/// A statement cut at its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(String),
}

impl Statement {
    /// Finds the parameters of `sql`; a closing semicolon goes.
    #[must_use]
    pub fn read(sql: &str) -> Statement {
        let sql = sql.trim().trim_end_matches(';');
        let (mut pieces, mut text, mut at) = (Vec::new(), String::new(), 0);
        while at < sql.len() {
            let rest = &sql[at..];
            let name = name_of(rest);
            if name.is_empty() {
                let length = skip(rest);
                text.push_str(&rest[..length]);
                at += length;
            } else {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Parameter(name.to_owned()));
                at += 1 + name.len();
            }
        }
        pieces.push(Piece::Text(text));
        Statement { pieces }
    }

    /// Names of its parameters, each once, in order.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Parameter(name) if !names.contains(&name.as_str()) => names.push(name),
                Piece::Parameter(_) | Piece::Text(_) => {}
            }
        }
        names
    }

    /// The statement with each parameter replaced by what `form` says.
    #[must_use]
    pub fn with(&self, form: impl Fn(&str) -> String) -> String {
        let print = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Parameter(name) => form(name),
        };
        self.pieces.iter().map(print).collect()
    }
}

/// The parameter's name that `rest` begins with (after its colon), or nothing.
fn name_of(rest: &str) -> &str {
    let Some(after) = rest.strip_prefix(':') else {
        return "";
    };
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let name = &after[..end.unwrap_or(after.len())];
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins { name } else { "" }
}

/// How far to go before a parameter may begin again: over a string, a quoted name, a comment, a cast, or one character.
fn skip(rest: &str) -> usize {
    let after = |open: usize, close: &str| {
        let end = rest[open..].find(close).map(|at| open + at + close.len());
        end.unwrap_or(rest.len())
    };
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match first {
        _ if rest.starts_with('\'') => after(1, "'"),
        _ if rest.starts_with('"') => after(1, "\""),
        _ if rest.starts_with("--") => after(2, "\n"),
        _ if rest.starts_with("/*") => after(2, "*/"),
        _ if rest.starts_with("::") => 2,
        length => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_found_where_sql_would_read_them() {
        let sql = "SELECT ':ids', \":as_of\", x::bigint, a[1:2] -- :no\n/* :nor */ FROM t WHERE id = ANY (:ids) AND t < :as_of;";
        let statement = Statement::read(sql);
        assert_eq!(statement.parameters(), ["ids", "as_of"]);
        let text = statement.with(|name| format!("<{name}>"));
        assert!(text.ends_with("WHERE id = ANY (<ids>) AND t < <as_of>"), "{text}");
        assert!(text.starts_with("SELECT ':ids', \":as_of\", x::bigint, a[1:2] -- :no\n/* :nor */"));
    }

    #[test]
    fn a_doubled_quote_stays_inside_the_string() {
        assert!(Statement::read("SELECT 'it''s :x'").parameters().is_empty());
        assert_eq!(Statement::read("SELECT ':x' || :y").parameters(), ["y"]);
    }

    proptest! {
        #[test]
        fn putting_the_names_back_gives_the_text_back(sql in "[ a-z:'\"*/;é-]{0,40}") {
            let text = Statement::read(&sql).with(|name| format!(":{name}"));
            prop_assert_eq!(text, sql.trim().trim_end_matches(';'));
        }
    }
}
