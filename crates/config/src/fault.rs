//! What is wrong with a file, and where: one [`Fault`] per place, all of them in [`Faults`].
//!
//! Every reader of configuration in the workspace (server, model, conf) answers with these, so that `rankine check`
//! prints the same lines everywhere. Decision: faults are plain data rather than a chain of errors, because a reader
//! that has read its TOML goes on to add faults of meaning (unknown feature, double slot) to the same list.

use std::fmt;

/// One fault of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key (or name) the fault is about; empty where there is none.
    pub key: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The known name that is nearest to `key`, if one is near.
    pub nearest: Option<String>,
}

impl Fault {
    /// True for a key that is not known: the value around it was read all the same.
    #[must_use]
    pub fn is_unknown_key(&self) -> bool {
        self.message.starts_with("unknown key `")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.nearest {
            Some(name) => write!(f, " (did you mean `{name}`?)"),
            None => Ok(()),
        }
    }
}

/// All faults of a file, in order of position. Displays one per line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Sorts by position and removes repetitions; `Err(self)` if a fault is left.
    ///
    /// # Errors
    /// `Faults` when there is at least one fault.
    pub fn check(mut self) -> Result<(), Faults> {
        self.0.sort();
        self.0.dedup();
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
