//! What a conf gives an operator to build itself from, and what it complains about.
//!
//! Operators ask for words and numbers; whatever they did not ask for is a fault, with the nearest word they know.
//! Decision: complaints are collected rather than returned, so that one pass finds all faults of a feature.

use super::{Class, Operator};
use crate::dictionary::ReadSpec;
use crate::{DictionarySpec, FieldType, FitEntry};
use std::ops::RangeInclusive;

/// What flows into an operator, known when it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputType {
    /// A field.
    Field(FieldType),
    /// A feature that gives signs.
    Sparse,
    /// A feature that gives this many floats.
    Dense(usize),
    /// Something faulty; fits everything, because the fault is reported elsewhere.
    Unknown,
}

impl InputType {
    /// A field of a type that is one number, or a feature that gives floats (the first one counts).
    pub(crate) fn is_number(self) -> bool {
        use FieldType::{Bool, Float, Int, Timestamp};
        matches!(self, InputType::Dense(_) | InputType::Unknown)
            || matches!(self, InputType::Field(Int | Float | Bool | Timestamp))
    }

    /// A field of one text or of several.
    pub(crate) fn is_text(self) -> bool {
        use FieldType::{String, StringList};
        matches!(self, InputType::Unknown | InputType::Field(String | StringList))
    }

    /// As a fault names it.
    pub(crate) fn describe(self) -> String {
        match self {
            InputType::Field(ty) => format!("a field of type {ty}"),
            InputType::Sparse => "a feature of signs".to_owned(),
            InputType::Dense(width) => format!("a feature of {width} float(s)"),
            InputType::Unknown => "something unknown".to_owned(),
        }
    }
}

/// A built operator and what the plan must know about it.
pub(crate) struct Built {
    /// The operator.
    pub(crate) operator: Box<dyn Operator>,
    /// [`InputType::Sparse`] or [`InputType::Dense`], as features that depend on it will see it.
    pub(crate) output: InputType,
}

impl Built {
    pub(crate) fn sparse(operator: impl Operator + 'static) -> Built {
        Built {
            operator: Box::new(operator),
            output: InputType::Sparse,
        }
    }

    pub(crate) fn dense(width: usize, operator: impl Operator + 'static) -> Built {
        Built {
            operator: Box::new(operator),
            output: InputType::Dense(width),
        }
    }
}

/// Statistics: does the operator need any, and are they there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Not fitted.
    None,
    /// Fitted, and the statistics are there.
    Has,
    /// Fitted, and the statistics are not there.
    Lacks,
}

/// A fault of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The key of the feature it is about: `depend`, `args`, `str_args`, `name`.
    pub(crate) key: &'static str,
    /// Which element of that key.
    pub(crate) element: Option<usize>,
    /// The name that is not known, if it is not the whole element.
    pub(crate) got: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// For words: those that are known.
    pub(crate) known: Vec<String>,
}

/// What an operator may know of the feature it is built for.
pub(crate) struct Subject<'a> {
    /// The feature's name.
    pub(crate) name: &'a str,
    pub(crate) inputs: &'a [InputType],
    /// As `depend` says.
    pub(crate) input_names: Vec<&'a str>,
    /// For inputs that are features: the slot that their signs are made with.
    pub(crate) hash_slots: Vec<Option<u32>>,
    pub(crate) dictionaries: &'a [DictionarySpec],
    /// None when there is no fit at all, `Some(None)` when it has nothing for this feature.
    pub(crate) fit: Option<Option<&'a FitEntry>>,
}

/// A dictionary column that an operator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// What [`super::Inputs::look`] takes.
    pub(crate) read: usize,
    /// `int` or `string`.
    pub(crate) key: FieldType,
    /// The type of its cells.
    pub(crate) ty: FieldType,
    /// The dictionary, for further reads.
    dictionary: usize,
    column: usize,
}

/// The settings of one feature.
pub(crate) struct Setting<'a> {
    pub(crate) class: &'static Class,
    pub(crate) subject: Subject<'a>,
    pub(crate) inputs: &'a [InputType],
    pub(crate) args: &'a [f64],
    words: Vec<(&'a str, bool)>,
    known: Vec<&'static str>,
    args_read: usize,
    pub(crate) need: Need,
    pub(crate) reads: Vec<ReadSpec>,
    pub(crate) complaints: Vec<Complaint>,
}

impl<'a> Setting<'a> {
    /// Settings as written.
    pub(crate) fn new(
        class: &'static Class,
        subject: Subject<'a>,
        args: &'a [f64],
        words: impl Iterator<Item = &'a str>,
    ) -> Setting<'a> {
        let words = words.map(|word| (word, false)).collect();
        let (known, complaints) = (Vec::new(), Vec::new());
        Setting {
            class,
            inputs: subject.inputs,
            subject,
            args,
            words,
            known,
            args_read: 0,
            need: Need::None,
            reads: Vec::new(),
            complaints,
        }
    }

    /// Says that something is wrong with a key.
    pub(crate) fn complain(&mut self, key: &'static str, element: Option<usize>, message: impl Into<String>) {
        self.complaints.push(Complaint {
            key,
            element,
            got: None,
            message: message.into(),
            known: Vec::new(),
        });
    }

    /// True if the word is among `str_args`.
    pub(crate) fn flag(&mut self, word: &'static str) -> bool {
        self.known.push(word);
        let mut found = false;
        for (_, read) in self.words.iter_mut().filter(|(w, _)| *w == word) {
            (*read, found) = (true, true);
        }
        found
    }

    /// True if the word stands there; does not count as asking.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|(written, _)| *written == word)
    }

    /// The one of `words` that is among `str_args`; the first if none is and `optional`.
    pub(crate) fn one_of(&mut self, words: &[&'static str], optional: bool) -> &'static str {
        let found: Vec<&'static str> = words.iter().copied().filter(|word| self.flag(word)).collect();
        if found.len() > 1 || (found.is_empty() && !optional) {
            self.complain("str_args", None, format!("expected one of: {}", words.join(", ")));
        }
        found.first().or(words.first()).copied().unwrap_or("")
    }

    /// The first of `str_args` that `read` understands.
    pub(crate) fn parsed<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.words
            .iter_mut()
            .filter(|(_, seen)| !*seen)
            .find_map(|(word, seen)| {
                let value = read(word)?;
                *seen = true;
                Some(value)
            })
    }

    /// Every one of `str_args` that starts with `prefix`, without it.
    pub(crate) fn prefixed(&mut self, prefix: &str) -> Vec<&'a str> {
        let words = self.words.iter_mut();
        let found = words.filter_map(|(word, read)| {
            let rest = word.strip_prefix(prefix)?;
            *read = true;
            Some(rest)
        });
        found.collect()
    }

    /// The dictionary column that a word `@dictionary.column` names (`@dictionary` if it has one column only).
    pub(crate) fn column(&mut self) -> Option<Column> {
        let words = self.prefixed("@");
        if words.len() > 1 {
            self.complain("str_args", None, "expected one dictionary column");
        }
        let word = *words.first()?;
        let specs = self.subject.dictionaries;
        let find = |name: &str| specs.iter().position(|spec| *spec.name == *name);
        let (dictionary, column) = match (find(word), word.rsplit_once('.')) {
            (Some(dictionary), _) => (Some(dictionary), None),
            (None, Some((name, column))) => (find(name), Some(column)),
            (None, None) => (None, None),
        };
        let Some(dictionary) = dictionary else {
            let known = specs.iter().map(|spec| spec.name.to_string()).collect();
            self.complain_word(word, format!("no dictionary is declared for `@{word}`"), known);
            return None;
        };
        let column = self.column_of(dictionary, column, word)?;
        Some(self.read(dictionary, column, None))
    }

    /// The place of a column; the only one if none is named.
    fn column_of(&mut self, dictionary: usize, name: Option<&str>, word: &str) -> Option<usize> {
        let spec = &self.subject.dictionaries[dictionary];
        let found = match name {
            Some(name) => spec.columns.iter().position(|(column, _)| **column == *name),
            None => (spec.columns.len() == 1).then_some(0),
        };
        if found.is_none() {
            let known = spec.columns.iter();
            let known: Vec<String> = known
                .map(|(column, _)| format!("{}.{column}", spec.name))
                .collect();
            let message = format!(
                "expected a column of dictionary `{}`: @{}",
                spec.name,
                known.join(", @")
            );
            self.complain_word(word, message, known);
        }
        found
    }

    /// Notes a read.
    fn read(&mut self, dictionary: usize, column: usize, fixed: Option<&str>) -> Column {
        self.reads.push(ReadSpec {
            dictionary,
            column,
            fixed: fixed.map(Into::into),
        });
        let spec = &self.subject.dictionaries[dictionary];
        Column {
            read: self.reads.len() - 1,
            key: spec.key,
            ty: spec.columns.get(column).map_or(FieldType::Int, |(_, ty)| *ty),
            dictionary,
            column,
        }
    }

    /// Reads the same column with a key that is known now; returns what [`super::Inputs::look`] takes.
    pub(crate) fn fixed(&mut self, column: Column, key: &str) -> usize {
        self.read(column.dictionary, column.column, Some(key)).read
    }

    /// Complains unless the dictionary's key has the type of the elements of an input.
    pub(crate) fn check_key(&mut self, column: Column, input: usize) {
        let fits = match self.inputs.get(input) {
            Some(InputType::Field(FieldType::Int | FieldType::IntList)) => column.key == FieldType::Int,
            Some(InputType::Field(FieldType::String | FieldType::StringList | FieldType::Weighted)) => {
                column.key == FieldType::String
            }
            Some(InputType::Unknown) | None => true,
            Some(_) => false,
        };
        if !fits {
            let got = self.inputs[input].describe();
            let message = format!("the dictionary has {} keys, the input is {got}", column.key);
            self.complain("depend", Some(input), message);
        }
    }

    /// A complaint about one of `str_args`, found by its end.
    fn complain_word(&mut self, word: &str, message: String, known: Vec<String>) {
        let element = self.words.iter().position(|(written, _)| written.ends_with(word));
        let known = known.into_iter().map(|name| format!("@{name}")).collect();
        self.complaints.push(Complaint {
            key: "str_args",
            element,
            got: None,
            message,
            known,
        });
    }

    /// A complaint about a name inside of a key, with the names that are known.
    pub(crate) fn complain_near(
        &mut self,
        key: &'static str,
        got: Option<&str>,
        message: String,
        known: Vec<String>,
    ) {
        self.complaints.push(Complaint {
            key,
            element: None,
            got: got.map(str::to_owned),
            message,
            known,
        });
    }

    /// All of `args`.
    pub(crate) fn all_args(&mut self) -> &'a [f64] {
        self.args_read = self.args.len();
        self.args
    }

    /// The next of `args` as a whole number within a range.
    pub(crate) fn count(
        &mut self,
        what: &str,
        range: RangeInclusive<usize>,
        default: Option<usize>,
    ) -> usize {
        let (low, high) = (*range.start(), *range.end());
        let arg = self.args.get(self.args_read).copied();
        self.args_read += 1;
        let value = match arg {
            Some(x) => whole(x),
            None => default,
        };
        if let Some(value) = value.filter(|value| range.contains(value)) {
            return value;
        }
        let got = arg.map_or_else(|| "nothing".to_owned(), |x| x.to_string());
        self.complain(
            "args",
            None,
            format!("expected {what}, a whole number from {low} to {high}, got {got}"),
        );
        low
    }

    /// Fitted statistics, each with exactly one number, in the order of `names`; none while there is no fit.
    pub(crate) fn fitted_numbers<const N: usize>(&mut self, names: [&str; N]) -> Option<[f64; N]> {
        let entry = self.fitted()?;
        let mut numbers = [0.0; N];
        for (to, name) in numbers.iter_mut().zip(names) {
            match entry.numbers.get(name).map(Vec::as_slice) {
                Some([x]) if x.is_finite() => *to = *x,
                _ => self.complain(
                    "name",
                    None,
                    format!("fit has no finite number `{name}` for this feature"),
                ),
            }
        }
        Some(numbers)
    }

    /// The fitted statistics of this feature; none while there is no fit. Marks the feature as fitted.
    pub(crate) fn fitted(&mut self) -> Option<&'a FitEntry> {
        self.need = Need::Lacks;
        let Some(entry) = self.subject.fit? else {
            self.complain("name", None, "fit has no statistics for this feature");
            return None;
        };
        if (entry.class.as_str(), entry.version) != (self.class.name, self.class.version) {
            let (class, version) = (&entry.class, entry.version);
            let message = format!(
                "fit was made by {class} version {version}, not {} version {}",
                self.class.name, self.class.version
            );
            self.complain("name", None, message);
            return None;
        }
        self.need = Need::Has;
        Some(entry)
    }

    /// Ends building: everything that was not asked for is a fault.
    pub(crate) fn finish(&mut self) {
        let unread: Vec<usize> = (0..self.words.len()).filter(|i| !self.words[*i].1).collect();
        for i in unread {
            let message = format!("{} does not know `{}`", self.class.name, self.words[i].0);
            let known = self.known.iter().map(|word| (*word).to_owned()).collect();
            self.complaints.push(Complaint {
                key: "str_args",
                element: Some(i),
                got: None,
                message,
                known,
            });
        }
        if self.args.len() > self.args_read {
            let message = format!(
                "{} takes {} args here, got {}",
                self.class.name,
                self.args_read,
                self.args.len()
            );
            self.complain("args", None, message);
        }
    }
}

/// A whole number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole, small and positive"
)]
fn whole(x: f64) -> Option<usize> {
    ((0.0..=1e9).contains(&x) && x.fract() == 0.0).then_some(x as usize)
}
