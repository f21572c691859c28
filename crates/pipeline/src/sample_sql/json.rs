//! A JSON object read key by key; every fault with file, line and path, in one pass.

use std::collections::BTreeMap;

use rankine_config::{Fault, Faults, Source, nearest};
use serde_json::{Map, Value};

use super::expression::Complaint;
use super::position::locate;
use super::variables::Variables;

/// A text that holds JSON, and what is wrong with it.
pub(super) struct Document<'a> {
    source: Source<'a>,
    variables: &'a Variables,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    /// The document and its root; a text that is no JSON object has one fault.
    pub(super) fn read(
        text: &'a str,
        file: &'a str,
        variables: &'a Variables,
    ) -> Result<(Document<'a>, Map<String, Value>), Faults> {
        let source = Source::new(text, file);
        let bad = |line: usize, column: usize, message: String| {
            let mut fault = source.fault(0..0, "", message);
            (fault.line, fault.column) = (line.max(1), column.max(1));
            Faults(vec![fault])
        };
        let document = Document {
            source,
            variables,
            faults: Vec::new(),
        };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(root)) => Ok((document, root)),
            Ok(other) => Err(bad(1, 1, format!("expected an object, got {}", told(&other)))),
            Err(error) => Err(bad(error.line(), error.column(), format!("no JSON: {error}"))),
        }
    }

    /// Adds a fault at a path.
    pub(super) fn fault(&mut self, path: &[String], message: impl Into<String>, near: Option<&str>) {
        let at = locate(self.source.text, path);
        let mut fault = self.source.fault(at..at, &path.join("."), message);
        fault.nearest = near.map(str::to_owned);
        self.faults.push(fault);
    }

    /// Adds what an expression's reader says; `path` is that of its text.
    pub(super) fn complain(&mut self, path: &[String], complaint: &Complaint) {
        let message = format!("character {}: {}", complaint.at + 1, complaint.message);
        self.fault(path, message, complaint.nearest.as_deref());
    }
}

/// An object at a path; keys are struck off as they are read.
pub(super) struct Object<'d, 'a> {
    pub(super) document: &'d mut Document<'a>,
    path: Vec<String>,
    map: Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'d, 'a> Object<'d, 'a> {
    pub(super) fn new(
        document: &'d mut Document<'a>,
        path: Vec<String>,
        map: Map<String, Value>,
    ) -> Object<'d, 'a> {
        Object {
            document,
            path,
            map,
            known: Vec::new(),
        }
    }

    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> Vec<String> {
        [self.path.as_slice(), &[key.to_owned()]].concat()
    }

    /// Takes a key's value, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.map.remove(key)
    }

    /// Adds a fault at a key.
    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>, near: Option<&str>) {
        let path = self.path(key);
        self.document.fault(&path, message, near);
    }

    fn expected(&mut self, key: &str, what: &str, got: &Value) {
        self.fault(key, format!("expected {what}, got {}", told(got)), None);
    }

    /// A text with its variables filled in.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.expected(key, "a text that is not empty", &value);
        }
        text.map(|text| self.document.variables.fill(text))
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, key: &'static str) -> Option<String> {
        if !self.map.contains_key(key) {
            self.known.push(key);
            let near = nearest(key, self.map.keys().map(String::as_str)).map(str::to_owned);
            self.fault(key, "expected a text, got nothing", near.as_deref());
            return None;
        }
        self.text(key)
    }

    /// A whole number between two.
    pub(super) fn number(&mut self, key: &'static str, (least, most): (u64, u64)) -> Option<u64> {
        let value = self.take(key)?;
        let number = value.as_u64().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.expected(key, &format!("a whole number from {least} to {most}"), &value);
        }
        number
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let list = value.as_array().and_then(|list| {
            let each = list
                .iter()
                .map(|x| x.as_str().map(|x| self.document.variables.fill(x)));
            each.collect::<Option<Vec<_>>>()
        });
        if list.is_none() {
            self.expected(key, "a list of texts", &value);
        }
        list
    }

    /// One of several words, whatever the case.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, among: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        match one_of(&text, among) {
            Ok(value) => Some(value),
            Err((message, near)) => {
                self.fault(key, message, near);
                None
            }
        }
    }

    /// Names and for each one of several words.
    pub(super) fn words<T: Copy>(
        &mut self,
        key: &'static str,
        among: &[(&'static str, T)],
    ) -> BTreeMap<String, T> {
        let map = match self.take(key) {
            None => Map::new(),
            Some(Value::Object(map)) => map,
            Some(other) => {
                self.expected(key, "an object", &other);
                Map::new()
            }
        };
        let (mut found, own) = (BTreeMap::new(), self.path(key));
        for (name, value) in map {
            let path = [own.as_slice(), std::slice::from_ref(&name)].concat();
            match one_of(value.as_str().unwrap_or_default(), among) {
                Ok(word) => drop(found.insert(name, word)),
                Err((message, near)) => self.document.fault(&path, message, near),
            }
        }
        found
    }

    /// The object of a key.
    pub(super) fn object(&mut self, key: &'static str) -> Option<Object<'_, 'a>> {
        let value = self.take(key)?;
        let Value::Object(map) = value else {
            self.expected(key, "an object", &value);
            return None;
        };
        let path = self.path(key);
        Some(Object::new(self.document, path, map))
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Whether a key is there and null.
    pub(super) fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// Names what was not read.
    pub(super) fn finish(self) {
        let Object {
            document,
            path,
            map,
            known,
        } = self;
        for key in map.keys() {
            let near = nearest(key, known.iter().copied());
            let path = [path.as_slice(), std::slice::from_ref(key)].concat();
            let message = format!("unknown key, expected one of: {}", known.join(", "));
            document.fault(&path, message, near);
        }
    }
}

/// The value of a word, whatever its case; else those there are, and the nearest.
fn one_of<T: Copy>(text: &str, among: &[(&'static str, T)]) -> Result<T, (String, Option<&'static str>)> {
    let found = among.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&'static str> = among.iter().map(|(name, _)| *name).collect();
        let near = nearest(&text.to_ascii_lowercase(), names.iter().copied());
        (
            format!("expected one of: {}; got `{text}`", names.join(", ")),
            near,
        )
    })
}

/// How a fault calls a value.
fn told(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("`{value}`"),
    }
}
