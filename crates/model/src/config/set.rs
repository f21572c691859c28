//! `--set key=value`: a model file with some of its keys replaced.
//!
//! Keys are dotted; an entry of `embedding` is named by its table or its number (`embedding.user.dim=16`). A value is TOML,
//! and what is no TOML is text. Decision: all arguments are put in place before the file is read, so that keys that belong
//! together can change together; a fault is that of the first argument with which it appears. The arguments are the lines of
//! a file called `--set`.

use super::ModelConfig;
use super::effective::printed;
use rankine_config::{Fault, Faults, Source};
use toml::{Table, Value};

impl ModelConfig {
    /// Reads a model file with `sets` put in place of what it says.
    ///
    /// # Errors
    /// All faults of the file; else an argument that cannot be put in place, or what is wrong with all of them in place, as
    /// lines of `--set`.
    pub fn parse_with(text: &str, file: &str, sets: &[String]) -> Result<ModelConfig, Faults> {
        let config = ModelConfig::parse(text, file)?;
        let Some(texts) = changed(text, sets)? else {
            return Ok(config);
        };
        let last = texts.last().map_or(text, String::as_str);
        ModelConfig::parse(last, file).map_err(|faults| blamed(faults, &texts, sets))
    }
}

/// The file after each argument; none where it is no TOML or there are no arguments.
fn changed(text: &str, sets: &[String]) -> Result<Option<Vec<String>>, Faults> {
    let table = text.parse::<Table>().ok().filter(|_| !sets.is_empty());
    let Some(mut table) = table else {
        return Ok(None);
    };
    let mut texts = Vec::new();
    for (number, argument) in (1..).zip(sets) {
        let fault = |message: &str| {
            let fault = Source::new(argument, "--set").fault(0..0, argument, message);
            located(vec![fault], number, argument)
        };
        let pair = argument.split_once('=');
        let (key, value) = pair.ok_or_else(|| Faults(fault("expected key=value")))?;
        let path: Vec<&str> = key.split('.').map(str::trim).collect();
        put(&mut table, &path, typed(value.trim())).map_err(|message| Faults(fault(&message)))?;
        texts.push(printed(&table));
    }
    Ok(Some(texts))
}

/// Each fault as that of the first argument with which it appears.
fn blamed(faults: Faults, texts: &[String], sets: &[String]) -> Faults {
    let (mut left, mut told) = (faults.0, Vec::new());
    for ((number, argument), text) in (1..).zip(sets).zip(texts) {
        let now = ModelConfig::parse(text, "").err().unwrap_or_default().0;
        let appears = |fault: &mut Fault| now.iter().any(|other| other.message == fault.message);
        told.extend(located(left.extract_if(.., appears).collect(), number, argument));
    }
    told.extend(left);
    Faults(told)
}

/// The value as TOML, or as text.
fn typed(text: &str) -> Value {
    let parsed = format!("v = {text}").parse::<Table>().ok();
    parsed
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Puts a value at a path, making tables where there are none.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "nothing can stand below a plain value"
)]
fn put(table: &mut Table, path: &[&str], value: Value) -> Result<(), String> {
    let [name, rest @ ..] = path else {
        return Err("expected a key before `=`".to_owned());
    };
    let [next, below @ ..] = rest else {
        table.insert((*name).to_owned(), value);
        return Ok(());
    };
    let entry = table
        .entry((*name).to_owned())
        .or_insert_with(|| Value::Table(Table::new()));
    match entry {
        Value::Table(inner) => put(inner, rest, value),
        Value::Array(entries) => put(named(entries, (name, next))?, below, value),
        _ => Err(format!("`{name}` is no table")),
    }
}

/// The entry of an array of tables that has this number, or a table of this name.
fn named<'a>(entries: &'a mut [Value], (key, name): (&str, &str)) -> Result<&'a mut Table, String> {
    let called = |entry: &Value| entry.get("table").and_then(Value::as_str) == Some(name);
    let at = name
        .parse::<usize>()
        .ok()
        .filter(|i| *i < entries.len())
        .or_else(|| entries.iter().position(called));
    let known: Vec<&str> = entries
        .iter()
        .filter_map(|e| e.get("table").and_then(Value::as_str))
        .collect();
    let near = rankine_config::nearest(name, known.iter().copied());
    let message = match near {
        Some(near) => format!("`{key}` has no entry `{name}` (did you mean `{near}`?)"),
        None => format!("`{key}` has no entry `{name}`, it has {}", known.join(", ")),
    };
    at.and_then(|at| entries.get_mut(at))
        .and_then(Value::as_table_mut)
        .ok_or(message)
}

/// Faults as those of one argument: its number as the line, the place of its last key as the column.
fn located(faults: Vec<Fault>, line: usize, argument: &str) -> Vec<Fault> {
    let key = argument.split('=').next().unwrap_or_default();
    let column = 1 + key.rfind('.').map_or(0, |dot| dot + 1);
    let named = |fault: Fault| Fault {
        file: "--set".to_owned(),
        line,
        column,
        message: format!("{} in `{argument}`", fault.message),
        ..fault
    };
    faults.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"format = 1
        kind = "widedeep"
        conf = "movie"
        embedding = [{ slots = [1], table = "user", dim = 4 }, { slots = [2], table = "item", dim = 4 }]
        wide = { slots = [3] }
        hidden = [4]
    "#;

    fn with(sets: &[&str]) -> Result<ModelConfig, String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        ModelConfig::parse_with(FILE, "m.toml", &sets).map_err(|faults| faults.to_string())
    }

    #[test]
    fn values_have_their_types_and_entries_their_names() {
        let found = with(&[
            "train.epochs=3",
            "optimizer.dense.lr=1e-2",
            "hidden=[8, 2]",
            "activation=tanh",
            "embedding.item.dim=6",
            "embedding.0.min_count=2",
            "train.shuffle=false",
        ])
        .unwrap();
        assert_eq!((found.train.epochs(), found.optimizer.dense.lr()), (3, 0.01));
        assert_eq!(found.hidden.iter().map(|h| h.value).collect::<Vec<_>>(), [8, 2]);
        let dims: Vec<(usize, u32)> = found
            .embedding
            .iter()
            .map(|e| (e.dim.value, e.min_count))
            .collect();
        assert_eq!(dims, [(4, 2), (6, 1)]);
        assert_eq!((found.activation.name(), found.train.shuffle), ("tanh", false));
    }

    #[test]
    fn a_fault_is_a_line_of_set_with_the_nearest_key() {
        let fault = |sets: &[&str]| with(sets).unwrap_err();
        assert_eq!(
            fault(&["seed=2", "optimizer.dense.lrr=1"]),
            "--set:2:17: unknown key `lrr` in `optimizer.dense.lrr=1` (did you mean `lr`?)"
        );
        assert!(fault(&["epochs"]).starts_with("--set:1:1: expected key=value"));
        assert!(fault(&["train.epochs=many"]).starts_with("--set:1:7: expected a whole number"));
        assert!(fault(&["embedding.usr.dim=3"]).contains("did you mean `user`?"));
        assert!(fault(&["train.epochs=0"]).contains("expected 1 to"));
        assert!(fault(&["format.x=1"]).contains("`format` is no table"));
        assert_eq!(
            fault(&["train.batch=0", "hidden=[4]", "embedding.user.dim=0"]),
            "--set:1:7: `batch` is 0, expected 1 to 16777216 in `train.batch=0`\n\
             --set:3:16: `dim` is 0, expected 1 to 65536 in `embedding.user.dim=0`"
        );
    }

    #[test]
    fn keys_that_belong_together_change_together() {
        let file = "format = 1\nkind = \"dssm\"\nconf = \"c\"\n\
                    tower.user = { slots = [1], hidden = [64] }\ntower.item = { slots = [2], hidden = [64] }\n";
        let with = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
            ModelConfig::parse_with(file, "m.toml", &sets).map_err(|faults| faults.to_string())
        };
        let both = ["tower.user.hidden=[32]", "tower.item.hidden=[32]"];
        assert!(with(&both).is_ok());
        let kind = ["kind=lr", "linear.slots=[1]"];
        assert!(
            with(&kind)
                .unwrap_err()
                .starts_with("--set:1:1: kind `lr` has no `tower`")
        );
        assert_eq!(
            with(&["seed=3", both[0]]).unwrap_err(),
            "--set:2:12: the item's vector has 64 numbers, the user's 32: they must be equal in `tower.user.hidden=[32]`"
        );
    }
}
