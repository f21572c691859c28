//! `fg.json` of Alibaba's feature generator (EasyRec, TorchEasyRec) to a conf.
//!
//! Keys and meanings after the public documentation of both projects (old spellings such as `needDiscrete` too). A source
//! feature with a transform *and* buckets becomes two: a stub and what stands on it.

use super::Imported;
use super::demand::Demand;
use super::draft::{Book, Draft, FEATURE, text};
use crate::{FeatureError, FieldType, Side};
use serde_json::{Map, Value as Json};

/// Reads an `fg.json`: `{ "features": […] }` or the list alone. `name` becomes the conf's name.
///
/// # Errors
/// `FeatureError::Import` if the text is not JSON, or no list of features.
pub fn fg(json: &str, name: &str) -> Result<Imported, FeatureError> {
    let wrong = |message: String| FeatureError::Import { message };
    let root: Json = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    let list = root.get("features").unwrap_or(&root).as_array();
    let list =
        list.ok_or_else(|| wrong("expected a list of features, or an object with `features`".to_owned()))?;
    let mut book = Book::default();
    for entry in list {
        match entry.as_object() {
            Some(entry) if entry.contains_key("sequence_name") => sequence(entry, &mut book),
            Some(entry) => single(entry, &mut book),
            None => book.lost("", format!("expected an object, got {entry}")),
        }
    }
    Ok(book.finish(name))
}

type Entry = Map<String, Json>;

/// The first of several spellings of a key.
fn get<'e>(entry: &'e Entry, keys: &[&str]) -> Option<&'e Json> {
    keys.iter().find_map(|key| entry.get(*key))
}

fn word<'e>(entry: &'e Entry, keys: &[&str]) -> Option<&'e str> {
    get(entry, keys)?.as_str()
}

/// A number, however it is written.
fn number(entry: &Entry, keys: &[&str]) -> Option<f64> {
    let value = get(entry, keys)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn truth(entry: &Entry, keys: &[&str]) -> bool {
    get(entry, keys).is_some_and(|value| value.as_bool().unwrap_or(value.as_str() == Some("true")))
}

fn numbers(entry: &Entry, key: &str) -> Vec<f64> {
    let list = entry.get(key).and_then(Json::as_array);
    list.map_or_else(Vec::new, |list| list.iter().filter_map(Json::as_f64).collect())
}

/// `user:x`, or a list of such.
fn sources(entry: &Entry, keys: &[&str]) -> Vec<String> {
    match get(entry, keys) {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Keys that are about the training framework or about text forms, and change no feature here.
const QUIET: &[&str] = &[
    "feature_name",
    "feature_type",
    "need_prefix",
    "needPrefix",
    "value_type",
    "valueType",
    "embedding_dim",
    "embedding_dimension",
    "embedding_name",
    "shared_name",
    "pooling",
    "init_fn",
    "trainable",
    "data_type",
    "group",
    "fg_encoded_default_value",
    "stub_type",
    "separator",
    "kv_delimiter",
    "need_weighting",
    "needWeighting",
    "default_bucketize_value",
    "value_dim",
    "value_dimension",
    "sequence_delim",
    "attribute_delim",
    "constraint",
    "initializer",
    "combiner",
    "default_value",
    "hash_bucket_size",
    "num_buckets",
    "boundaries",
    "normalizer",
];

/// Reads one feature as it goes.
struct Reader<'b, 'e> {
    book: &'b mut Book,
    entry: &'e Entry,
    name: String,
    /// Keys that were read.
    read: Vec<&'static str>,
}

fn single(entry: &Entry, book: &mut Book) {
    let name = word(entry, &["feature_name"]).unwrap_or("").to_owned();
    book.found += 1;
    let mut reader = Reader {
        book,
        entry,
        name,
        read: Vec::new(),
    };
    let class = word(entry, &["feature_type"]).unwrap_or("");
    if let Err(message) = reader.feature(class) {
        let name = reader.name.clone();
        reader.book.lost(&name, message);
        return;
    }
    let unread: Vec<&str> = entry
        .keys()
        .map(String::as_str)
        .filter(|key| !QUIET.contains(key) && !reader.read.contains(key))
        .collect();
    if !unread.is_empty() {
        let (name, message) = (reader.name.clone(), format!("without {}", unread.join(", ")));
        reader.book.note(&name, message);
    }
}

type Outcome = Result<(), String>;

impl Reader<'_, '_> {
    fn feature(&mut self, class: &str) -> Outcome {
        if self.name.is_empty() {
            return Err("no feature_name".to_owned());
        }
        match class {
            "id_feature" | "tag_feature" => self.id(class == "tag_feature"),
            "raw_feature" => self.raw(),
            "combo_feature" => self.combo(),
            "lookup_feature" => self.lookup(),
            "match_feature" => self.matching(),
            "expr_feature" => self.expr(),
            "overlap_feature" => self.overlap(),
            "tokenize_feature" => self.tokenize(),
            "kv_dot_product" => self.kv_dot(),
            "bool_mask_feature" => self.mask(),
            "regex_replace_feature" => self.regex_replace(),
            "bm25_feature" => self.bm25(),
            "slice_feature" => self.slice(),
            "sequence_id_feature" | "sequence_feature" => self.sequence_id(),
            "" => Err("no feature_type".to_owned()),
            other => Err(format!(
                "{other} has no counterpart (docs/operators.md tells which and why)"
            )),
        }
    }

    /// Where an input comes from: a field of a side, another feature, or a constant.
    fn input(&mut self, source: &str, demand: Demand) -> Result<String, String> {
        let (side, name) = source
            .split_once(':')
            .ok_or_else(|| format!("`{source}` is not side:name"))?;
        let side = match side.trim() {
            "user" => Side::User,
            "item" => Side::Item,
            "context" | "ctx" => Side::Context,
            "feature" => return Ok(format!("{FEATURE}{}", name.trim())),
            "const" => return Ok(self.constant(name)),
            other => {
                return Err(format!(
                    "`{other}` is none of user, item, context, feature, const"
                ));
            }
        };
        // Fields and features share one space of names here.
        let name = name.trim();
        self.book.fields.need(side, name, demand);
        Ok(name.to_owned())
    }

    /// A stub with a constant.
    fn constant(&mut self, value: &str) -> String {
        let name = format!("{}__const", self.name);
        let mut draft = self.draft("const", Vec::new());
        (draft.name, draft.stub, draft.helps) = (name.clone(), true, true);
        match value.parse() {
            Ok(x) => draft.args = vec![x],
            Err(_) => draft.words = vec![value.to_owned()],
        }
        self.book.drafts.push(draft);
        name
    }

    /// The input under a key.
    fn one(&mut self, keys: &'static [&'static str], demand: Demand) -> Result<String, String> {
        self.read.extend(keys);
        let sources = sources(self.entry, keys);
        match &sources[..] {
            [source] => self.input(source, demand),
            _ => Err(format!(
                "expected one source under `{}`, got {}",
                keys[0],
                sources.len()
            )),
        }
    }

    fn draft(&self, class: &'static str, depend: Vec<String>) -> Draft {
        Draft {
            name: self.name.clone(),
            of: self.name.clone(),
            class,
            depend,
            stub: truth(self.entry, &["stub_type"]),
            ..Draft::default()
        }
    }

    /// The need that `value_type` tells.
    fn scalar(&self) -> Demand {
        let ty = word(self.entry, &["value_type", "valueType"])
            .unwrap_or("")
            .to_lowercase();
        match ty.as_str() {
            "int" | "int32" | "int64" | "long" | "bigint" | "integer" => Demand::Int,
            "float" | "double" | "float32" | "float64" => Demand::Number,
            _ => Demand::Scalar,
        }
    }

    /// The default, where the one input is a scalar field and the text is of its type.
    fn default_of(&self, depend: &str) -> Option<String> {
        let value = self.entry.get("default_value")?;
        let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if written.is_empty() {
            return None;
        }
        let ty = self.book.fields.ty(depend)?;
        if ty == FieldType::String {
            return Some(text(&written));
        }
        if ty == FieldType::Int {
            return written.parse::<i64>().ok().map(|x| x.to_string());
        }
        let x = written.parse::<f64>().ok().filter(|x| x.is_finite());
        let float = x.filter(|_| ty == FieldType::Float)?;
        Some(toml::Value::Float(float).to_string())
    }

    /// Adds a feature of numbers, with what the source puts behind numbers: normalizer and boundaries.
    fn numeric(&mut self, mut draft: Draft) -> Outcome {
        if let Some(written) = word(self.entry, &["normalizer"]).filter(|text| !text.is_empty()) {
            let (args, words) = normalizer(written)?;
            if draft.class == "raw" {
                draft.class = "normalize";
                (draft.args, draft.words) = (args, words);
            } else {
                let before = self.stub(draft);
                draft = self.draft("normalize", vec![before]);
                (draft.args, draft.words) = (args, words);
            }
        }
        let boundaries = numbers(self.entry, "boundaries");
        if !boundaries.is_empty() {
            if draft.class == "raw" {
                draft.class = "bucketize";
            } else {
                let before = self.stub(draft);
                draft = self.draft("bucketize", vec![before]);
            }
            draft.args = boundaries;
        }
        self.book.drafts.push(draft);
        Ok(())
    }

    /// Turns a draft into a stub before the feature itself.
    fn stub(&mut self, mut draft: Draft) -> String {
        (draft.stub, draft.helps) = (true, true);
        draft.name = format!("{}__{}", self.name, draft.class);
        let name = draft.name.clone();
        self.book.drafts.push(draft);
        name
    }

    fn id(&mut self, tagged: bool) -> Outcome {
        let weighted = tagged || truth(self.entry, &["weighted"]);
        self.read.extend(["weighted", "vocab_list", "vocab_file"]);
        let many = self.entry.contains_key("separator")
            || number(self.entry, &["value_dimension", "value_dim"]) > Some(1.0);
        let demand = match (weighted, many, self.scalar()) {
            (true, ..) => Demand::Map,
            (false, true, Demand::Int) => Demand::Ints,
            (false, true, _) => Demand::List,
            (false, false, scalar) => scalar,
        };
        let field = self.one(&["expression"], demand)?;
        let mut draft = self.draft(if weighted || many { "tag" } else { "id" }, vec![field.clone()]);
        if let Some(words) = self.entry.get("vocab_list").and_then(Json::as_array) {
            let words = words
                .iter()
                .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
            draft.words = words
                .map(|word| format!("={word}"))
                .chain(["other".to_owned()])
                .collect();
            draft.class = "vocabulary";
            let name = self.name.clone();
            self.book.note(
                &name,
                "places count from 0 and unknown words have -1 (the source counts from 2)",
            );
        } else if self.entry.contains_key("vocab_file") {
            let table = format!("{}_vocabulary", self.name);
            draft.class = "vocabulary";
            draft.words = vec![format!("@{table}.line"), "other".to_owned()];
            let (name, message) = (
                self.name.clone(),
                format!("the server must be given a dictionary `{table}`"),
            );
            self.book
                .dictionaries
                .push((table, "line".to_owned(), FieldType::Int));
            self.book.note(&name, message);
        } else if let Some(buckets) = number(self.entry, &["hash_bucket_size"]) {
            draft.class = "hash_bucket";
            (draft.args, draft.words) = (vec![buckets], vec!["farmhash64".to_owned()]);
        }
        draft.default = self.default_of(&field);
        self.book.drafts.push(draft);
        Ok(())
    }

    fn raw(&mut self) -> Outcome {
        let width = number(self.entry, &["value_dimension", "value_dim"]).unwrap_or(1.0);
        let demand = match (width > 1.0, self.scalar()) {
            (true, _) => Demand::Vector(
                width
                    .clamp(1.0, 65_536.0)
                    .round_ties_even()
                    .to_string()
                    .parse()
                    .unwrap_or(1),
            ),
            (false, Demand::Int) => Demand::Int,
            (false, _) => Demand::Number,
        };
        let field = self.one(&["expression"], demand)?;
        let mut draft = self.draft("raw", vec![field.clone()]);
        draft.default = self.default_of(&field);
        self.numeric(draft)
    }

    fn combo(&mut self) -> Outcome {
        self.read.push("expression");
        let sources = sources(self.entry, &["expression"]);
        let depend = sources.iter().map(|source| self.input(source, Demand::Scalar));
        let depend = depend.collect::<Result<Vec<String>, String>>()?;
        let mut draft = self.draft("cross", depend);
        if let Some(buckets) = number(self.entry, &["hash_bucket_size"]) {
            let before = self.stub(draft);
            draft = self.draft("hash_bucket", vec![before]);
            draft.args = vec![buckets];
            let name = self.name.clone();
            self.book.note(
                &name,
                "the buckets of a combination are not the source's (it hashes joined text)",
            );
        }
        self.book.drafts.push(draft);
        Ok(())
    }

    /// How several values are pooled, in our words.
    fn combiner(&self) -> Option<String> {
        let combiner = word(self.entry, &["combiner"])?;
        Some(if combiner == "avg" {
            "mean".to_owned()
        } else {
            combiner.to_owned()
        })
    }

    /// A feature that gives the number it finds, or a category.
    fn found(&mut self, mut draft: Draft, category: bool) -> Outcome {
        if category {
            draft.words.push("category".to_owned());
            self.book.drafts.push(draft);
            return Ok(());
        }
        draft.words.extend(self.combiner());
        self.numeric(draft)
    }

    fn lookup(&mut self) -> Outcome {
        self.read
            .extend(["need_discrete", "needDiscrete", "need_key", "needKey"]);
        let map = self.one(&["map"], Demand::Map)?;
        let key = self.one(&["key"], Demand::Scalar)?;
        let draft = self.draft("lookup", vec![map, key]);
        let category = truth(self.entry, &["need_discrete", "needDiscrete"])
            || truth(self.entry, &["need_key", "needKey"]);
        self.found(draft, category)
    }

    fn matching(&mut self) -> Outcome {
        self.read.extend([
            "need_discrete",
            "needDiscrete",
            "matchType",
            "match_type",
            "show_pkey",
            "show_skey",
        ]);
        let map = self.one(&["nested_map", "user"], Demand::Text)?;
        let mut draft = self.draft("match", vec![map]);
        let keys: [(&'static [&'static str], &str); 2] = [
            (&["pkey", "category"], "any_first"),
            (&["skey", "item"], "any_second"),
        ];
        for (keys, any) in keys {
            if word(self.entry, keys) == Some("ALL") {
                self.read.extend(keys);
                draft.words.push(any.to_owned());
            } else {
                let key = self.one(keys, Demand::Scalar)?;
                draft.depend.push(key);
            }
        }
        let old = self.entry.contains_key("user");
        let discrete = get(self.entry, &["need_discrete", "needDiscrete"])
            .map(|_| truth(self.entry, &["need_discrete", "needDiscrete"]));
        self.found(draft, discrete.unwrap_or(old))
    }

    fn expr(&mut self) -> Outcome {
        self.read.extend(["variables", "expression"]);
        let variables = sources(self.entry, &["variables"]);
        let depend = variables.iter().map(|source| self.input(source, Demand::Number));
        let depend = depend.collect::<Result<Vec<String>, String>>()?;
        let text = word(self.entry, &["expression"])
            .ok_or("no expression")?
            .to_owned();
        let mut draft = self.draft("expression", depend);
        draft.words.push(text);
        self.numeric(draft)
    }

    fn overlap(&mut self) -> Outcome {
        self.read.push("method");
        let method = word(self.entry, &["method"]).unwrap_or("");
        let (measure, signs) = match method {
            "query_common_ratio" => ("query_ratio", false),
            "title_common_ratio" => ("title_ratio", false),
            "is_contain" => ("contains", false),
            "is_equal" => ("equal", false),
            "index_of" => ("index", false),
            "common_word_divided" => ("intersection", true),
            "diff_word_divided" => ("difference", true),
            other => return Err(format!("overlap by `{other}` has no counterpart")),
        };
        let query = self.one(&["query"], Demand::List)?;
        let title = self.one(&["title"], Demand::List)?;
        let mut draft = self.draft("overlap", vec![query, title]);
        draft.words.push(measure.to_owned());
        if signs {
            self.book.drafts.push(draft);
            return Ok(());
        }
        self.numeric(draft)
    }

    fn tokenize(&mut self) -> Outcome {
        self.read
            .extend(["vocab_file", "tokenizer_type", "text_normalizer", "output_type"]);
        let field = self.one(&["expression"], Demand::Text)?;
        let mut draft = self.draft("tokenize", vec![field]);
        draft.words = vec!["lower".to_owned(), "halfwidth".to_owned()];
        self.book.drafts.push(draft);
        let name = self.name.clone();
        self.book
            .note(&name, "cut into words, not by the source's trained vocabulary");
        Ok(())
    }

    fn kv_dot(&mut self) -> Outcome {
        let query = self.one(&["query"], Demand::Map)?;
        let document = self.one(&["document"], Demand::Map)?;
        let draft = self.draft("kv_dot", vec![query, document]);
        self.numeric(draft)
    }

    fn mask(&mut self) -> Outcome {
        self.read.push("expression");
        let [values, mask] = &sources(self.entry, &["expression"])[..] else {
            return Err("expected values and mask under `expression`".to_owned());
        };
        let list = if self.scalar() == Demand::Int {
            Demand::Ints
        } else {
            Demand::List
        };
        let depend = vec![self.input(values, list)?, self.input(mask, Demand::List)?];
        let draft = self.draft("mask", depend);
        self.book.drafts.push(draft);
        Ok(())
    }

    fn regex_replace(&mut self) -> Outcome {
        self.read
            .extend(["regex_pattern", "regex_patten", "pattern", "replacement"]);
        let pattern = word(self.entry, &["regex_pattern", "regex_patten", "pattern"])
            .ok_or("no regex_pattern")?
            .to_owned();
        let replacement = word(self.entry, &["replacement"]).unwrap_or("").to_owned();
        let field = self.one(&["expression"], Demand::Text)?;
        let mut draft = self.draft("regex_replace", vec![field]);
        draft.words = vec![format!("pattern={pattern}"), format!("with={replacement}")];
        self.book.drafts.push(draft);
        Ok(())
    }

    fn bm25(&mut self) -> Outcome {
        self.read.extend([
            "avg_doc_length",
            "k1",
            "b",
            "document_number",
            "term_doc_freq_file",
        ]);
        let average = number(self.entry, &["avg_doc_length"]).ok_or("no avg_doc_length")?;
        let query = self.one(&["query"], Demand::List)?;
        let document = self.one(&["document"], Demand::List)?;
        let mut draft = self.draft("bm25", vec![query, document]);
        draft.args = vec![
            average,
            number(self.entry, &["k1"]).unwrap_or(2.0),
            number(self.entry, &["b"]).unwrap_or(0.75),
        ];
        draft.words = vec!["@idf.idf".to_owned()];
        if !self.book.dictionaries.iter().any(|(name, ..)| name == "idf") {
            self.book
                .dictionaries
                .push(("idf".to_owned(), "idf".to_owned(), FieldType::Float));
        }
        let name = self.name.clone();
        self.book.note(
            &name,
            "the server must be given a dictionary `idf` (term, inverse document frequency)",
        );
        self.numeric(draft)
    }

    fn slice(&mut self) -> Outcome {
        self.read.push("slice");
        let range = word(self.entry, &["slice"])
            .ok_or("no `slice`")?
            .trim_matches(['[', ']'])
            .to_owned();
        let parts: Result<Vec<f64>, _> = range.split(':').map(|part| part.trim().parse::<f64>()).collect();
        let parts = parts.map_err(|_| format!("slice `{range}` is not from:to or from:to:step"))?;
        let list = if self.scalar() == Demand::Int {
            Demand::Ints
        } else {
            Demand::List
        };
        let field = self.one(&["expression"], list)?;
        let mut draft = self.draft("list", vec![field]);
        (draft.args, draft.words) = (parts, vec!["slice".to_owned()]);
        self.book.drafts.push(draft);
        Ok(())
    }

    fn sequence_id(&mut self) -> Outcome {
        self.read.extend(["sequence_length"]);
        let list = if self.scalar() == Demand::Int {
            Demand::Ints
        } else {
            Demand::List
        };
        let field = self.one(&["expression"], list)?;
        let mut draft = self.draft("history", vec![field]);
        draft.args = vec![number(self.entry, &["sequence_length"]).unwrap_or(50.0)];
        self.book.drafts.push(draft);
        Ok(())
    }
}

/// `method=zscore,mean=0,standard_deviation=10` → args and words of `normalize`.
fn normalizer(written: &str) -> Result<(Vec<f64>, Vec<String>), String> {
    let (method, rest) = written.split_once(',').unwrap_or((written, ""));
    let value = |key: &str| {
        let mut pairs = rest.split(',').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| name.trim() == key)
            .and_then(|(_, x)| x.trim().parse::<f64>().ok())
    };
    let need = |key: &str| value(key).ok_or_else(|| format!("normalizer `{written}` lacks {key}"));
    match method.trim().trim_start_matches("method=") {
        "zscore" => Ok((
            vec![need("mean")?, need("standard_deviation")?],
            vec!["zscore".to_owned()],
        )),
        "minmax" => Ok((vec![need("min")?, need("max")?], vec!["minmax".to_owned()])),
        "log10" => {
            let (threshold, low) = (
                value("threshold").unwrap_or(1e-10),
                value("default").unwrap_or(-10.0),
            );
            Ok((
                Vec::new(),
                vec![format!("expr=x > {threshold} ? log10(x) : {low}")],
            ))
        }
        "expression" => {
            let text = rest.trim().trim_start_matches("expr=");
            Ok((Vec::new(), vec![format!("expr={text}")]))
        }
        other => Err(format!("normalizer `{other}` has no counterpart")),
    }
}

/// A group of sequences: what the items of a behaviour list are, from the item dictionary, or as lists beside it.
fn sequence(entry: &Entry, book: &mut Book) {
    let group = word(entry, &["sequence_name"]).unwrap_or("").to_owned();
    let length = number(entry, &["sequence_length"]).unwrap_or(50.0);
    let key = word(entry, &["sequence_pk"]).map(str::to_owned);
    let features = entry
        .get("features")
        .and_then(Json::as_array)
        .map_or(&[][..], Vec::as_slice);
    for feature in features.iter().filter_map(Json::as_object) {
        book.found += 1;
        let name = format!("{group}__{}", word(feature, &["feature_name"]).unwrap_or(""));
        let mut reader = Reader {
            book,
            entry: feature,
            name,
            read: Vec::new(),
        };
        if let Err(message) = reader.of_sequence(&group, key.as_deref(), length) {
            let name = reader.name.clone();
            reader.book.lost(&name, message);
        }
    }
}

impl Reader<'_, '_> {
    fn of_sequence(&mut self, group: &str, key: Option<&str>, length: f64) -> Outcome {
        let class = word(self.entry, &["feature_type"]).unwrap_or("");
        if class != "id_feature" {
            return Err(format!(
                "a sequence of {class} has no counterpart: sequences are of categories"
            ));
        }
        let source = word(self.entry, &["expression"])
            .ok_or("no expression")?
            .to_owned();
        let (side, field) = source
            .split_once(':')
            .ok_or_else(|| format!("`{source}` is not side:name"))?;
        let mut draft = self.draft("history", Vec::new());
        draft.args = vec![length];
        match (side, key) {
            ("item", Some(key)) => {
                draft.depend = vec![self.input(key, Demand::List)?];
                draft.words = vec![format!("@items.{field}")];
                let column = ("items".to_owned(), field.to_owned(), FieldType::String);
                if !self.book.dictionaries.contains(&column) {
                    self.book.dictionaries.push(column);
                }
            }
            _ => {
                let side = if side == "item" { "item" } else { "user" };
                draft.depend = vec![self.input(&format!("{side}:{group}__{field}"), Demand::List)?];
            }
        }
        self.book.drafts.push(draft);
        Ok(())
    }
}
