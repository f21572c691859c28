//! Features: unique names and slots, dependencies by index, operators checked and built, groups derived.

use super::{Known, Report, fields::check_name, order};
use crate::conf::{Conf, DefaultConf, FeatureConf};
use crate::dictionary::ReadSpec;
use crate::operator::{Built, Class, InputType, Need, Setting, Subject, registry};
use crate::{FieldType, Group, Schema, Side, Value};
use rankine_config::Located;
use std::collections::BTreeMap;

/// What a feature depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dep {
    /// A field of a side.
    Field(Side, usize, FieldType),
    /// Another feature, by its place in the conf.
    Feature(usize),
    /// A name that is not known.
    Unknown,
}

/// A feature without faults.
pub(super) struct Feature {
    pub(super) class: &'static Class,
    pub(super) deps: Vec<Dep>,
    pub(super) built: Built,
    pub(super) need: Need,
    pub(super) default: Option<Value>,
    pub(super) group: Group,
    pub(super) reads: Vec<ReadSpec>,
}

/// All features, by place in the conf, and the order of execution.
pub(super) struct Features {
    pub(super) features: Vec<Option<Feature>>,
    pub(super) order: Vec<usize>,
}

/// Resolves all features.
pub(super) fn resolve(conf: &Conf, known: &Known<'_>, report: &mut Report<'_>) -> Features {
    let schema = known.schema;
    let names = names(conf, schema, report);
    check_slots(conf, report);
    let deps: Vec<Vec<Dep>> = conf
        .feature
        .iter()
        .map(|feature| depend(&feature.value, schema, &names, report))
        .collect();
    let order = order(conf, &deps, report);
    let mut features: Vec<Option<Feature>> = conf.feature.iter().map(|_| None).collect();
    let mut rests_on_fit = vec![false; features.len()];
    for &i in &order {
        let builder = Builder {
            written: &conf.feature[i].value,
            deps: &deps[i],
            conf,
            known,
            dirty: report.dirty.get(i) == Some(&true),
        };
        let feature = builder.build(&features, report);
        let chained = on_features(&deps[i]).any(|on| rests_on_fit[on]);
        if let Some(feature) = &feature {
            rests_on_fit[i] = chained || feature.need != Need::None;
            if chained && feature.need != Need::None {
                let message = "a fitted feature cannot rest on a fitted feature: its statistics would change in the same pass";
                report.at(builder.written.depend.span.clone(), "depend", message);
            }
        }
        features[i] = feature;
    }
    check_shares(conf, &features, report);
    Features { features, order }
}

fn on_features(deps: &[Dep]) -> impl Iterator<Item = usize> {
    deps.iter().filter_map(|dep| {
        if let Dep::Feature(on) = dep {
            Some(*on)
        } else {
            None
        }
    })
}

/// The places of the features by name. Fields and features share one space of names.
fn names<'c>(conf: &'c Conf, schema: &Schema, report: &mut Report<'_>) -> BTreeMap<&'c str, usize> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, feature) in conf.feature.iter().enumerate() {
        let name = &feature.value.name;
        check_name(name, report);
        if schema.find(&name.value).is_some() {
            report.at(
                name.span.clone(),
                &name.value,
                format!("feature `{}` has the name of a field", name.value),
            );
        }
        if let Some(first) = names.get(name.value.as_str()) {
            let line = report.line(&conf.feature[*first].value.name.span);
            let message = format!("feature `{}` is defined twice, first in line {line}", name.value);
            report.at(name.span.clone(), &name.value, message);
        } else {
            names.insert(name.value.as_str(), i);
        }
    }
    names
}

fn check_slots(conf: &Conf, report: &mut Report<'_>) {
    let mut first: BTreeMap<u32, &std::ops::Range<usize>> = BTreeMap::new();
    for slot in conf
        .feature
        .iter()
        .filter_map(|feature| feature.value.slot.as_ref())
    {
        if slot.value == 0 {
            report.at(
                slot.span.clone(),
                "slot",
                "slot numbers start at 1 (0 stands for no slot)",
            );
        }
        match first.get(&slot.value) {
            Some(span) => {
                let line = report.line(span);
                report.at(
                    slot.span.clone(),
                    "slot",
                    format!("slot {} is used twice, first in line {line}", slot.value),
                );
            }
            None => _ = first.insert(slot.value, &slot.span),
        }
    }
}

fn depend(
    feature: &FeatureConf,
    schema: &Schema,
    names: &BTreeMap<&str, usize>,
    report: &mut Report<'_>,
) -> Vec<Dep> {
    let resolve = |name: &Located<String>| {
        if let Some(on) = names.get(name.value.as_str()) {
            return Dep::Feature(*on);
        }
        if let Some((side, index)) = schema.find(&name.value) {
            return Dep::Field(side, index, schema.side(side)[index].ty);
        }
        let known = schema
            .all()
            .iter()
            .map(|field| field.name.as_ref())
            .chain(names.keys().copied());
        report.unknown(name, format!("unknown field or feature `{}`", name.value), known);
        Dep::Unknown
    };
    feature.depend.value.iter().map(resolve).collect()
}

/// The order of execution; reports cycles.
fn order(conf: &Conf, deps: &[Vec<Dep>], report: &mut Report<'_>) -> Vec<usize> {
    let depends: Vec<Vec<usize>> = deps.iter().map(|deps| on_features(deps).collect()).collect();
    let order = order::sort(&depends);
    for cycle in &order.cycles {
        let names = cycle
            .iter()
            .chain(cycle.first())
            .map(|i| conf.feature[*i].value.name.value.as_str());
        let message = format!(
            "features depend on each other in a circle: {}",
            names.collect::<Vec<_>>().join(" -> ")
        );
        let name = &conf.feature[cycle[0]].value.name;
        report.at(name.span.clone(), &name.value, message);
    }
    order.order
}

/// Builds one feature.
struct Builder<'c> {
    written: &'c FeatureConf,
    deps: &'c [Dep],
    conf: &'c Conf,
    known: &'c Known<'c>,
    dirty: bool,
}

impl Builder<'_> {
    /// The operator with everything about it; none if the class is not known.
    fn build(&self, features: &[Option<Feature>], report: &mut Report<'_>) -> Option<Feature> {
        let class = self.class(report)?;
        let inputs: Vec<InputType> = self.deps.iter().map(|dep| input_type(*dep, features)).collect();
        if !self.dirty {
            self.check_inputs(class, &inputs, report);
        }
        let words = self.written.words().iter().map(|word| word.value.as_str());
        let mut setting = Setting::new(class, self.subject(&inputs), self.written.args(), words);
        if self.written.args().iter().any(|x| !x.is_finite()) {
            setting.complain("args", None, "expected finite numbers");
        }
        let built = (class.build)(&mut setting);
        setting.finish();
        self.complain(&setting, report);
        let (need, reads) = (setting.need, std::mem::take(&mut setting.reads));
        let default = self.default(&inputs, report);
        Some(Feature {
            class,
            deps: self.deps.to_vec(),
            built,
            need,
            default,
            group: group(self.deps, features),
            reads,
        })
    }

    /// What the operator may know of its feature.
    fn subject<'s>(&'s self, inputs: &'s [InputType]) -> Subject<'s> {
        let hash_slot = |dep: &Dep| match dep {
            Dep::Feature(on) => Some(self.conf.feature[*on].value.hash_slot()),
            Dep::Field(..) | Dep::Unknown => None,
        };
        let name = self.written.name.value.as_str();
        Subject {
            name,
            inputs,
            input_names: self
                .written
                .depend
                .value
                .iter()
                .map(|name| name.value.as_str())
                .collect(),
            hash_slots: self.deps.iter().map(hash_slot).collect(),
            dictionaries: self.known.dictionaries,
            fit: self.known.fit.map(|fit| fit.features.get(name)),
        }
    }

    fn class(&self, report: &mut Report<'_>) -> Option<&'static Class> {
        let name = &self.written.class;
        let Some(class) = registry().iter().find(|class| class.name == name.value) else {
            let known = registry().iter().map(|class| class.name);
            let message = format!("unknown operator `{}`", name.value);
            let fault = report
                .source
                .unknown(name.span.clone(), &name.value, message, known);
            report.faults.push(fault);
            return None;
        };
        if let Some(version) = self
            .written
            .version
            .as_ref()
            .filter(|version| version.value != class.version)
        {
            let message = format!(
                "this build has version {} of {}, not {}",
                class.version, class.name, version.value
            );
            report.at(version.span.clone(), "version", message);
        }
        Some(class)
    }

    fn check_inputs(&self, class: &Class, inputs: &[InputType], report: &mut Report<'_>) {
        let (least, most) = class.depend;
        if !(least..=most).contains(&inputs.len()) {
            let wanted = if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            };
            let message = format!("{} takes {wanted} input(s), got {}", class.name, inputs.len());
            report.at(self.written.depend.span.clone(), "depend", message);
        }
        for (input, name) in inputs.iter().zip(&self.written.depend.value) {
            if !(class.accepts)(*input) {
                let (class, takes, got) = (class.name, class.doc.inputs, input.describe());
                let message = format!("{class} takes {takes}; `{}` is {got}", name.value);
                report.at(name.span.clone(), &name.value, message);
            }
        }
    }

    /// Passes on what the operator complained about, at its place.
    fn complain(&self, setting: &Setting<'_>, report: &mut Report<'_>) {
        for complaint in setting.complaints.iter().filter(|_| !self.dirty) {
            let elements = match complaint.key {
                "depend" => &self.written.depend.value[..],
                "str_args" => self.written.words(),
                _ => &[],
            };
            let element = complaint.element.and_then(|i| elements.get(i));
            let span = element.map(|element| element.span.clone());
            let whole = match complaint.key {
                "depend" => Some(self.written.depend.span.clone()),
                "args" => self.written.args.as_ref().map(|args| args.span.clone()),
                "str_args" => self.written.str_args.as_ref().map(|words| words.span.clone()),
                _ => None,
            };
            let span = span.or(whole).unwrap_or_else(|| self.written.name.span.clone());
            let key = element.map_or(complaint.key, |element| &element.value);
            let key = complaint.got.as_deref().unwrap_or(key);
            let known = complaint.known.iter().map(String::as_str);
            report.faults.push(
                report
                    .source
                    .unknown(span, key, complaint.message.as_str(), known),
            );
        }
    }

    /// The default as a value of the input's type.
    fn default(&self, inputs: &[InputType], report: &mut Report<'_>) -> Option<Value> {
        let written = self.written.default.as_ref()?;
        let value = match inputs {
            [InputType::Field(ty)] => default_value(*ty, &written.value),
            [InputType::Dense(_)] => default_value(FieldType::Float, &written.value),
            [InputType::Unknown] => return None,
            _ => None,
        };
        if value.is_none() {
            let got = inputs
                .iter()
                .map(|input| input.describe())
                .collect::<Vec<_>>()
                .join(" and ");
            let message = format!(
                "default needs exactly one scalar input and a finite value of its type; the input is {got}"
            );
            report.at(written.span.clone(), "default", message);
        }
        value
    }
}

fn default_value(ty: FieldType, written: &DefaultConf) -> Option<Value> {
    match (ty, written) {
        (FieldType::Int, DefaultConf::Int(x)) => Some(Value::Int(*x)),
        (FieldType::Timestamp, DefaultConf::Int(x)) => Some(Value::Time(*x)),
        (FieldType::Float, DefaultConf::Int(x)) => Some(Value::Float(*x as f64)),
        (FieldType::Float, DefaultConf::Float(x)) => x.is_finite().then_some(Value::Float(*x)),
        (FieldType::Bool, DefaultConf::Bool(x)) => Some(Value::Bool(*x)),
        (FieldType::String, DefaultConf::Text(x)) => Some(Value::str(x)),
        _ => None,
    }
}

fn input_type(dep: Dep, features: &[Option<Feature>]) -> InputType {
    match dep {
        Dep::Field(_, _, ty) => InputType::Field(ty),
        Dep::Feature(on) => features[on]
            .as_ref()
            .map_or(InputType::Unknown, |feature| feature.built.output),
        Dep::Unknown => InputType::Unknown,
    }
}

/// The group of a feature that depends on these.
fn group(deps: &[Dep], features: &[Option<Feature>]) -> Group {
    let groups = deps.iter().filter_map(|dep| match dep {
        Dep::Field(Side::Item, ..) => Some(Group::Item),
        Dep::Field(..) => Some(Group::Common),
        Dep::Feature(on) => features[*on].as_ref().map(|feature| feature.group),
        Dep::Unknown => None,
    });
    groups
        .reduce(|a, b| if a == b { a } else { Group::Cross })
        .unwrap_or(Group::Common)
}

/// A shared slot must belong to a sparse feature that makes its own signs.
fn check_shares(conf: &Conf, features: &[Option<Feature>], report: &mut Report<'_>) {
    let owners: BTreeMap<u32, usize> = conf
        .feature
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(i, feature)| Some((feature.value.slot.as_ref()?.value, i)))
        .collect();
    let sparse = |i: usize| {
        features[i]
            .as_ref()
            .is_none_or(|feature| feature.built.output == InputType::Sparse)
    };
    for (i, feature) in conf.feature.iter().enumerate() {
        let Some(share) = &feature.value.share else {
            continue;
        };
        let owner = owners.get(&share.value).copied();
        let slot = share.value;
        let message = match owner {
            _ if !sparse(i) => "only features of signs can share".to_owned(),
            None if report.lost || conf.elsewhere.iter().any(|other| other.value == slot) => continue,
            None => format!("no feature has slot {slot}"),
            Some(owner) if owner == i => format!("slot {slot} is the feature's own"),
            Some(owner) if conf.feature[owner].value.share.is_some() => {
                format!("slot {slot} itself shares another slot")
            }
            Some(owner) if !sparse(owner) => format!("slot {slot} holds floats, not signs"),
            Some(_) => continue,
        };
        report.at(share.span.clone(), "share", message);
    }
}
