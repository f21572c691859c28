//! The port to dictionaries: what a conf declares, how a plan is bound, and what changes when a generation is swapped.
#![expect(clippy::unwrap_used, reason = "tests")]

use rankine_feature::{FieldType, Fitter, Key, Lookup, MemoryDictionary, Part, Plan, Rows, Scratch, Value};
use std::sync::Arc;

const CONF: &str = r#"format = 1
name = "shop"
schema.item = [{ name = "show", type = "int" }, { name = "events", type = "map<string,float>" }]

[[dictionary]]
name = "weights"
key = "string"
columns = [{ name = "weight", type = "float" }]

[[feature]]
name = "rate"
class = "ratio"
slot = 1
depend = ["show", "events"]
str_args = ["@weights", "flag"]

[[feature]]
name = "scaled"
class = "normalize"
slot = 2
depend = ["show"]
"#;

fn weights(view: f64) -> Arc<dyn Lookup> {
    let mut table = MemoryDictionary::new(&[("note", FieldType::String), ("weight", FieldType::Float)]);
    assert!(table.insert(Key::Text("view"), vec![Value::Missing, Value::Float(view)]));
    Arc::new(table.with_digest(view.to_bits()))
}

fn plan() -> Plan {
    Plan::compile(CONF, "shop.toml", None).unwrap()
}

fn item() -> [Value; 2] {
    [Value::Int(10), Value::weighted(&[("view", 10.0), ("share", 7.0)])]
}

fn rate(plan: &Plan) -> Vec<f32> {
    let mut part = Part::default();
    plan.item(&item(), &mut Scratch::default(), &mut part);
    let spec = plan.slot(1).unwrap();
    part.dense(spec.index, 2).to_vec()
}

#[test]
fn a_swapped_generation_changes_the_next_plan_only() {
    let unbound = plan();
    assert_eq!(rate(&unbound), [0.0, 0.0], "without weights nothing counts");
    let first = unbound
        .bind(|name| (name == "weights").then(|| weights(0.5)))
        .unwrap();
    let second = first.bind(|_| Some(weights(1.0))).unwrap();
    assert_eq!([rate(&first), rate(&second)], [[0.5, 0.0], [1.0, 0.0]]);
    assert_eq!(first.hash(), second.hash(), "weights are data, not conf");
}

#[test]
fn a_let_go_generation_is_freed() {
    let table = weights(0.5);
    let plan = plan().bind(|_| Some(table.clone())).unwrap();
    assert!(Arc::strong_count(&table) > 1);
    drop(plan);
    assert_eq!(Arc::strong_count(&table), 1);
}

#[test]
fn frozen_content_is_part_of_the_hash() {
    let conf = CONF.replace("key = \"string\"", "key = \"string\"\nfrozen = true");
    let plan = Plan::compile(&conf, "shop.toml", None).unwrap();
    let hash = |view| plan.bind(|_| Some(weights(view))).unwrap().hash();
    assert_eq!(hash(0.5), hash(0.5));
    assert_ne!(hash(0.5), hash(1.0));
    assert_ne!(plan.hash(), hash(0.5));
}

#[test]
fn fitting_keeps_what_is_bound() {
    let bound = plan().bind(|_| Some(weights(0.5))).unwrap();
    let mut fitter = Fitter::new(&bound);
    for show in [1, 3] {
        fitter.observe(Rows {
            user: &[],
            item: &[Value::Int(show), Value::Missing],
            context: &[],
        });
    }
    let fitted = bound.fitted(&fitter.finish()).unwrap();
    assert!(!fitted.needs_fit());
    assert_eq!(rate(&fitted), [0.5, 0.0]);
}

#[test]
fn what_is_not_there_is_named() {
    let error = plan().bind(|_| None).unwrap_err().to_string();
    assert_eq!(error, "dictionary `weights` is not loaded");
    let other: Arc<dyn Lookup> = Arc::new(MemoryDictionary::new(&[("weight", FieldType::Int)]));
    let error = plan().bind(|_| Some(other.clone())).unwrap_err().to_string();
    assert_eq!(
        error,
        "dictionary `weights`, column `weight`: expected float, got int"
    );
}

#[test]
fn faults_of_declarations_and_words_come_in_one_pass() {
    let conf = r#"format = 1
name = "faulty"
schema.user = [{ name = "seen", type = "list<int>" }]
[[dictionary]]
name = "items"
key = "float"
columns = [{ name = "genre", type = "strin" }, { name = "genre", type = "int" }]
[[dictionary]]
name = "items"
key = "string"
columns = []
[[feature]]
name = "a"
class = "history"
depend = ["seen"]
args = [3]
str_args = ["@item.genre"]
[[feature]]
name = "b"
class = "history"
depend = ["seen"]
args = [3]
str_args = ["@items.gener"]
[[feature]]
name = "c"
class = "history"
depend = ["seen"]
args = [3]
str_args = ["@items.genre"]
"#;
    let faults = Plan::compile(conf, "f.toml", None).unwrap_err().to_string();
    let expected = [
        "f.toml:6:7: a dictionary's key is int or string",
        "f.toml:7:37: unknown type `strin`",
        "(did you mean `string`?)",
        "f.toml:7:57: column `genre` is declared twice",
        "f.toml:9:8: dictionary `items` is declared twice, first in line 5",
        "f.toml:9:8: expected at least one column",
        "f.toml:17:13: no dictionary is declared for `@item.genre`",
        "f.toml:23:13: expected a column of dictionary `items`: @items.genre, @items.genre (did you mean `@items.genre`?)",
        "f.toml:27:11: the dictionary has string keys, the input is a field of type list<int>",
    ];
    expected
        .iter()
        .for_each(|line| assert!(faults.contains(line), "{line}\nnot in\n{faults}"));
}

#[test]
fn no_dictionary_needs_no_binding_and_old_hashes_stay() {
    let plan = Plan::compile(
        "format = 1\nname = \"x\"\nschema.item = [{ name = \"a\", type = \"int\" }]\n\
         [[feature]]\nname = \"f\"\nclass = \"id\"\nslot = 1\ndepend = [\"a\"]\n",
        "x",
        None,
    )
    .unwrap();
    assert!(plan.dictionaries().is_empty());
    assert_eq!(plan.bind(|_| None).unwrap().hash(), plan.hash());
}
