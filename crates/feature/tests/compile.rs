//! Compiling confs: all faults in one pass with their lines, groups, order, hash; and no text panics.

use proptest::prelude::*;
use rankine_feature::operator::registry;
use rankine_feature::{Fit, FitEntry, Group, Plan, SlotKind};

const HEAD: &str = "format = 1\nname = \"t\"\nschema.user = [{ name = \"u\", type = \"int\" }]\n\
                    schema.item = [{ name = \"i\", type = \"int\" }, { name = \"g\", type = \"string\" }]\n\
                    schema.context = [{ name = \"t\", type = \"timestamp\" }]\n";

fn feature(name: &str, class: &str, depend: &str, more: &str) -> String {
    format!("[[feature]]\nname = \"{name}\"\nclass = \"{class}\"\ndepend = [{depend}]\n{more}\n")
}

fn compile(features: &[String]) -> Result<Plan, String> {
    Plan::compile(&format!("{HEAD}{}", features.concat()), "c.toml", None)
        .map_err(|faults| faults.to_string())
}

#[test]
fn every_fault_in_one_pass() {
    let faults = compile(&[
        feature("a", "idd", "\"u\"", "slot = 1"),               // 6
        feature("b", "id", "\"uu\"", "slot = 1"),               // 11
        feature("b", "log", "\"g\"", "args = [1]\nslot = 0"),   // 16
        feature("c", "cross", "\"d\", \"u\"", "slot = 4"),      // 22
        feature("d", "cross", "\"c\", \"u\"", "slott = 5"),     // 27
        feature("e", "log", "\"u\"", "share = 1\nversion = 9"), // 32
        feature("i", "raw", "\"u\", \"u\"", "default = \"x\""), // 38
    ]);
    assert_eq!(
        faults.unwrap_err(),
        "c.toml:8:9: unknown operator `idd` (did you mean `id`?)\n\
         c.toml:14:11: unknown field or feature `uu` (did you mean `u`?)\n\
         c.toml:15:8: slot 1 is used twice, first in line 10\n\
         c.toml:17:8: feature `b` is defined twice, first in line 12\n\
         c.toml:19:11: log takes one number: field int, float, bool, timestamp (seconds), or a feature of floats (its \
         first); `g` is a field of type string\n\
         c.toml:20:8: log takes 0 args here, got 1\n\
         c.toml:21:8: slot numbers start at 1 (0 stands for no slot)\n\
         c.toml:23:8: features depend on each other in a circle: c -> d -> c\n\
         c.toml:31:1: unknown key `slott` (did you mean `slot`?)\n\
         c.toml:36:9: only features of signs can share\n\
         c.toml:37:11: this build has version 1 of log, not 9\n\
         c.toml:39:8: feature `i` has the name of a field\n\
         c.toml:41:10: raw takes 1 input(s), got 2\n\
         c.toml:42:11: default needs exactly one scalar input and a finite value of its type; the input is a field of \
         type int and a field of type int"
    );
}

#[test]
fn faults_of_head_schema_and_sample() {
    let text = "format = 2\nname = \"a/b\"\nschema.user = [{ name = \"u\", type = \"itn\" }, { name = \"u\", type = \"int\" }]\n\
                schema.item = [{ name = \"i\", type = \"vector<0>\" }]\nschema.all = [\"u\", \"u\", \"x\"]\n\
                sample = { label = [\"i\"] }\n";
    assert_eq!(
        Plan::compile(text, "c", None).unwrap_err().to_string(),
        "c:1:10: conf has format 2, this build reads 1\n\
         c:2:8: expected a name of letters, digits, `-`, `_` and `.` (it names folders)\n\
         c:3:37: unknown type `itn`, expected one of: int, float, string, timestamp, bool, list<int>, list<float>, \
         list<string>, map<string,float>, vector<n> (did you mean `int`?)\n\
         c:3:55: field `u` is declared twice, first in line 3\n\
         c:4:37: unknown type `vector<0>`, expected one of: int, float, string, timestamp, bool, list<int>, list<float>, \
         list<string>, map<string,float>, vector<n> (did you mean `vector<16>`?)\n\
         c:5:14: field `i` is missing in `all`\n\
         c:5:20: field `u` stands in `all` twice\n\
         c:5:25: unknown field `x`\n\
         c:6:21: label `i` is also a field: features could see it"
    );
}

#[test]
fn type_faults_of_toml_hide_only_what_follows_from_them() {
    let faults = compile(&[
        feature("a", "bucketize", "\"u\"", "args = \"x\""), // its missing boundaries follow from line 10
        feature("b", "bucketize", "\"u\"", ""),
        "[[feature]]\nclass = \"id\"\n".to_owned(),
        feature("c", "cross", "\"lost\", \"u\"", ""),
    ]);
    assert_eq!(
        faults.unwrap_err(),
        "c.toml:10:8: expected a list, got string \"x\"\n\
         c.toml:12:8: expected boundaries, finite and strictly increasing\n\
         c.toml:16:1: missing key `name`"
    );
}

#[test]
fn shares_must_name_a_sparse_owner() {
    let share = |more: &str| {
        let features = [
            feature("a", "id", "\"u\"", "slot = 1"),
            feature("b", "id", "\"i\"", "slot = 2\nshare = 1"),
            feature("n", "raw", "\"i\"", "slot = 3"),
            feature("x", "id", "\"i\"", &format!("slot = 4\nshare = {more}")),
        ];
        compile(&features).map_err(|e| e.split(": ").skip(1).collect::<String>())
    };
    assert!(share("1").is_ok());
    assert_eq!(share("2").unwrap_err(), "slot 2 itself shares another slot");
    assert_eq!(share("3").unwrap_err(), "slot 3 holds floats, not signs");
    assert_eq!(share("4").unwrap_err(), "slot 4 is the feature's own");
    assert_eq!(share("7").unwrap_err(), "no feature has slot 7");
}

#[test]
fn groups_follow_from_the_fields() {
    let plan = compile(&[
        feature("ut", "cross", "\"uu\", \"t\"", "slot = 1"),
        feature("uu", "id", "\"u\"", "slot = 2"),
        feature("ig", "cross", "\"i\", \"g\"", "slot = 4"),
        feature("ui", "cross", "\"ut\", \"ig\"", "slot = 3"),
        feature("n", "raw", "\"u\"", "slot = 5"),
        feature("m", "raw", "\"u\"", "slot = 6\nstr_args = [\"flag\"]"),
    ])
    .unwrap();
    let groups: Vec<_> = plan
        .slots()
        .iter()
        .map(|s| (s.slot, s.group, s.kind, s.index))
        .collect();
    assert_eq!(
        groups,
        [
            (1, Group::Common, SlotKind::Sparse, 1),
            (2, Group::Common, SlotKind::Sparse, 0),
            (3, Group::Cross, SlotKind::Sparse, 0),
            (4, Group::Item, SlotKind::Sparse, 0),
            (5, Group::Common, SlotKind::Dense(1), 0),
            (6, Group::Common, SlotKind::Dense(2), 1),
        ]
    );
    assert_eq!(plan.slot(3).map(|s| &*s.name), Some("ui"));
    assert!(plan.slot(7).is_none());
}

#[test]
fn spelling_does_not_change_the_hash_and_meaning_does() {
    let a = format!("{HEAD}[[feature]]\nname='x'\nclass='raw'\nslot=1\ndepend=['u']\nargs=[]\nstr_args=[]\n");
    let b = format!(
        "# c\n{HEAD}feature = [{{ slot = 0x1, class = \"raw\", depend = [\"u\"], name = \"x\", version = 1 }}]"
    );
    let hash = |text: &str| Plan::compile(text, "h", None).unwrap().hash();
    assert_eq!(hash(&a), hash(&b));
    assert_eq!(hash(&a).len(), 32);
    assert_ne!(hash(&a), hash(&a.replace("slot=1", "slot=2")));
    assert_ne!(hash(&a), hash(&a.replace("raw", "log")));
}

#[test]
fn a_fit_must_match_the_conf() {
    let text = format!("{HEAD}{}", feature("x", "normalize", "\"u\"", "slot = 1"));
    let plan = Plan::compile(&text, "c", None).unwrap();
    assert!(plan.needs_fit() && plan.fit().features.is_empty());
    let entry = |class: &str, version, std: f64| {
        let numbers = [("mean".to_owned(), vec![1.0]), ("std".to_owned(), vec![std])];
        let entry = FitEntry {
            class: class.to_owned(),
            version,
            count: 1,
            numbers: numbers.into(),
            texts: Default::default(),
        };
        Fit {
            features: [("x".to_owned(), entry)].into(),
            ..Fit::default()
        }
    };
    let fault = |fit: &Fit| plan.fitted(fit).unwrap_err().to_string();
    assert!(fault(&Fit::default()).contains("fit has no statistics for this feature"));
    assert!(fault(&entry("log", 1, 1.0)).contains("fit was made by log version 1, not normalize version 1"));
    assert!(fault(&entry("normalize", 2, 1.0)).contains("fit was made by normalize version 2"));
    assert!(fault(&entry("normalize", 1, f64::NAN)).contains("no finite number `std`"));
    let fitted = plan.fitted(&entry("normalize", 1, 2.0)).unwrap();
    assert!(!fitted.needs_fit() && fitted.hash() != plan.hash());
    assert_ne!(
        fitted.hash(),
        plan.fitted(&entry("normalize", 1, 3.0)).unwrap().hash()
    );
}

#[test]
fn fitted_features_do_not_rest_on_fitted_ones() {
    let features = [
        feature("x", "normalize", "\"u\"", ""),
        feature("y", "raw", "\"x\"", ""),
        feature("z", "normalize", "\"y\"", ""),
    ];
    assert!(
        compile(&features)
            .unwrap_err()
            .starts_with("c.toml:19:10: a fitted feature cannot rest on a fitted")
    );
}

/// Pieces of confs, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let names = || proptest::sample::select(vec!["u", "i", "g", "t", "a", "b", "c", "zz"]);
    let classes: Vec<&str> = registry()
        .iter()
        .map(|class| class.name)
        .chain(["nothing"])
        .collect();
    let words = vec![
        "flag", "zscore", "minmax", "quantile", "age", "hour", "+01:00", "seconds", "mean", "first", "nth",
        "dense", "x",
    ];
    let args = proptest::collection::vec(
        prop_oneof![Just(f64::NAN), -3.0..30.0, Just(2.0), Just(1e300)],
        0..3,
    );
    let built = (
        names(),
        proptest::sample::select(classes),
        proptest::collection::vec(names(), 0..4),
        args,
        proptest::collection::vec(proptest::sample::select(words), 0..3),
        0u32..5,
        proptest::option::of(0u32..5),
    );
    prop_oneof![
        8 => built.prop_map(|(name, class, depend, args, words, slot, share)| {
            let share = share.map_or(String::new(), |share| format!("share = {share}\n"));
            let args: Vec<String> = args.iter().map(|x| format!("{x:?}").to_lowercase()).collect();
            format!(
                "[[feature]]\nname = \"{name}\"\nclass = \"{class}\"\nslot = {slot}\n{share}depend = {depend:?}\n\
                 args = [{}]\nstr_args = {words:?}\n", args.join(", ")
            )
        }),
        1 => any::<String>(),
        1 => Just("default = 1\n".to_owned()),
        1 => Just("schema.all = [\"g\", \"t\", \"u\", \"i\"]\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_conf_panics_and_good_ones_survive_their_canonical_text(
        pieces in proptest::collection::vec(piece(), 0..5),
    ) {
        let text = format!("{HEAD}{}", pieces.concat());
        match Plan::compile(&text, "c", None) {
            Err(faults) => prop_assert!(!faults.0.is_empty() && faults.0.is_sorted()),
            Ok(plan) => {
                let again = Plan::compile(&plan.canonical(), "canonical", None);
                let again = again.map_err(|e| TestCaseError::fail(format!("{e}\n{}", plan.canonical())))?;
                prop_assert_eq!(again.hash(), plan.hash());
                prop_assert_eq!(again.slots(), plan.slots());
            }
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        prop_assert!(Plan::compile(&text, "c", None).is_err());
    }
}
