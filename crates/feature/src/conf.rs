//! A conf as written: what TOML says, with places, before anything is resolved; and its canonical text.
//!
//! What was written and what is needed are two types: this one keeps names and places, [`crate::Plan`] keeps indices.
//! The canonical text has every key in a fixed order, defaults left out and operator versions written down, so that two
//! spellings of one conf hash alike and an old artefact never runs on a newer operator unnoticed.

use rankine_config::Located;
use serde::Deserialize;
use std::fmt::Write;

/// The conf format that this build reads.
pub(crate) const FORMAT: u32 = 1;

/// A whole conf.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conf {
    pub(crate) format: Located<u32>,
    pub(crate) name: Located<String>,
    #[serde(default)]
    pub(crate) schema: SchemaConf,
    #[serde(default)]
    pub(crate) sample: SampleConf,
    /// Slots of the conf this one was cut out of: features here may share them.
    #[serde(default)]
    pub(crate) elsewhere: Vec<Located<u32>>,
    #[serde(default)]
    pub(crate) dictionary: Vec<DictionaryConf>,
    #[serde(default)]
    pub(crate) feature: Vec<Located<FeatureConf>>,
}

/// One `[[dictionary]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DictionaryConf {
    pub(crate) name: Located<String>,
    /// `int` or `string`.
    pub(crate) key: Located<String>,
    pub(crate) columns: Vec<FieldConf>,
    /// Its content enters the conf hash.
    #[serde(default)]
    pub(crate) frozen: bool,
}

/// `schema.*`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaConf {
    #[serde(default)]
    pub(crate) user: Vec<FieldConf>,
    #[serde(default)]
    pub(crate) item: Vec<FieldConf>,
    #[serde(default)]
    pub(crate) context: Vec<FieldConf>,
    /// Another order of all fields.
    pub(crate) all: Option<Located<Vec<Located<String>>>>,
}

/// One field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldConf {
    pub(crate) name: Located<String>,
    #[serde(rename = "type")]
    pub(crate) ty: Located<String>,
}

/// `sample = { … }`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleConf {
    #[serde(default)]
    pub(crate) label: Vec<Located<String>>,
    pub(crate) weight: Option<Located<String>>,
    pub(crate) time: Option<Located<String>>,
    pub(crate) group: Option<Located<String>>,
}

/// One `[[feature]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeatureConf {
    pub(crate) name: Located<String>,
    pub(crate) class: Located<String>,
    pub(crate) version: Option<Located<u32>>,
    pub(crate) slot: Option<Located<u32>>,
    /// The slot whose signs this feature makes, so that both can share an embedding table.
    pub(crate) share: Option<Located<u32>>,
    pub(crate) depend: Located<Vec<Located<String>>>,
    pub(crate) args: Option<Located<Vec<f64>>>,
    pub(crate) str_args: Option<Located<Vec<Located<String>>>>,
    pub(crate) default: Option<Located<DefaultConf>>,
}

/// What stands for a missing input.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a number, a text, true or false")]
pub(crate) enum DefaultConf {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl FeatureConf {
    pub(crate) fn args(&self) -> &[f64] {
        self.args.as_ref().map_or(&[], |args| &args.value)
    }

    /// The slot that signs are made with: the shared one, its own, or 0.
    pub(crate) fn hash_slot(&self) -> u32 {
        let slot = self.share.as_ref().or(self.slot.as_ref());
        slot.map_or(0, |slot| slot.value)
    }

    pub(crate) fn words(&self) -> &[Located<String>] {
        self.str_args.as_ref().map_or(&[], |words| &words.value)
    }
}

impl Conf {
    /// The canonical text. `versions`: the operator version of each feature.
    pub(crate) fn canonical(&self, versions: &[u32]) -> String {
        let mut out = format!("format = {FORMAT}\nname = {}\n", text(&self.name.value));
        let sides = [
            ("user", &self.schema.user),
            ("item", &self.schema.item),
            ("context", &self.schema.context),
        ];
        for (side, fields) in sides.into_iter().filter(|(_, fields)| !fields.is_empty()) {
            let fields: Vec<String> = fields.iter().map(FieldConf::canonical).collect();
            line(
                &mut out,
                &format!("schema.{side}"),
                &format!("[\n{}]", fields.concat()),
            );
        }
        if let Some(all) = &self.schema.all {
            line(&mut out, "schema.all", &texts(&all.value));
        }
        self.sample.canonical(&mut out);
        if !self.elsewhere.is_empty() {
            let slots: Vec<String> = self.elsewhere.iter().map(|slot| slot.value.to_string()).collect();
            line(&mut out, "elsewhere", &format!("[{}]", slots.join(", ")));
        }
        self.dictionary
            .iter()
            .for_each(|dictionary| dictionary.canonical(&mut out));
        for (feature, version) in self.feature.iter().zip(versions) {
            feature.value.canonical(*version, &mut out);
        }
        out
    }
}

impl FieldConf {
    fn canonical(&self) -> String {
        let ty: String = self.ty.value.chars().filter(|c| !c.is_whitespace()).collect();
        format!(
            "  {{ name = {}, type = {} }},\n",
            text(&self.name.value),
            text(&ty)
        )
    }
}

impl DictionaryConf {
    fn canonical(&self, out: &mut String) {
        out.push_str("\n[[dictionary]]\n");
        line(out, "name", &text(&self.name.value));
        line(out, "key", &text(self.key.value.trim()));
        let columns: Vec<String> = self.columns.iter().map(FieldConf::canonical).collect();
        line(out, "columns", &format!("[\n{}]", columns.concat()));
        if self.frozen {
            line(out, "frozen", "true");
        }
    }
}

impl SampleConf {
    fn canonical(&self, out: &mut String) {
        if !self.label.is_empty() {
            line(out, "sample.label", &texts(&self.label));
        }
        let names = [
            ("weight", &self.weight),
            ("time", &self.time),
            ("group", &self.group),
        ];
        for (key, name) in names {
            if let Some(name) = name {
                line(out, &format!("sample.{key}"), &text(&name.value));
            }
        }
    }
}

impl FeatureConf {
    fn canonical(&self, version: u32, out: &mut String) {
        out.push_str("\n[[feature]]\n");
        line(out, "name", &text(&self.name.value));
        line(out, "class", &text(&self.class.value));
        line(out, "version", &version.to_string());
        if let Some(slot) = &self.slot {
            line(out, "slot", &slot.value.to_string());
        }
        if let Some(share) = &self.share {
            line(out, "share", &share.value.to_string());
        }
        line(out, "depend", &texts(&self.depend.value));
        if !self.args().is_empty() {
            let args: Vec<String> = self.args().iter().map(|x| number(*x)).collect();
            line(out, "args", &format!("[{}]", args.join(", ")));
        }
        if !self.words().is_empty() {
            line(out, "str_args", &texts(self.words()));
        }
        if let Some(default) = &self.default {
            line(out, "default", &default.value.canonical());
        }
    }
}

impl DefaultConf {
    fn canonical(&self) -> String {
        match self {
            DefaultConf::Bool(x) => x.to_string(),
            DefaultConf::Int(x) => x.to_string(),
            DefaultConf::Float(x) => number(*x),
            DefaultConf::Text(x) => text(x),
        }
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{key} = {value}");
}

fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn texts(values: &[Located<String>]) -> String {
    let values: Vec<String> = values.iter().map(|x| text(&x.value)).collect();
    format!("[{}]", values.join(", "))
}

/// A float as TOML: shortest digits that read back the same, −0 as 0.
fn number(x: f64) -> String {
    toml::Value::Float(if x == 0.0 { 0.0 } else { x }).to_string()
}
