//! Every operator, by hand: what it computes, what it does with missing values, what it complains about.
#![expect(clippy::unwrap_used, reason = "tests")]

mod rows;

use rankine_feature::operator::registry;
use rankine_feature::{Part, Plan, Scratch, SlotKind, Value, sign};
use rows::one;

/// Extracts slot 9 from the item row `[a, 3]`: signs with weights, floats.
fn run(ty: &str, feature: &str, a: Value) -> (Vec<(u64, f32)>, Vec<f32>) {
    let plan = Plan::compile(&one(ty, feature), "one.toml", None).unwrap_or_else(|e| panic!("{e}"));
    let (mut s, mut part) = (Scratch::default(), Part::default());
    plan.item(&[a, Value::Int(3)], &mut s, &mut part);
    let spec = plan.slot(9).unwrap();
    match spec.kind {
        SlotKind::Sparse => {
            let (signs, weights) = part.sparse(spec.index);
            (
                signs.iter().copied().zip(weights.iter().copied()).collect(),
                Vec::new(),
            )
        }
        SlotKind::Dense(width) => (Vec::new(), part.dense(spec.index, width).to_vec()),
    }
}

fn floats(ty: &str, feature: &str, a: Value) -> Vec<f32> {
    run(ty, feature, a).1
}

fn signs(ty: &str, feature: &str, a: Value) -> Vec<u64> {
    run(ty, feature, a).0.into_iter().map(|(sign, _)| sign).collect()
}

fn fault(ty: &str, feature: &str) -> String {
    Plan::compile(&one(ty, feature), "one.toml", None)
        .unwrap_err()
        .to_string()
}

fn text(value: &str) -> u64 {
    sign::text(9, value, &mut Vec::new())
}

const A: &str = "depend = [\"a\"]";

#[test]
fn the_registry_is_sorted_and_documented() {
    let names: Vec<_> = registry().iter().map(|class| class.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for class in registry() {
        let doc = class.doc;
        let parts = [
            doc.what,
            doc.inputs,
            doc.args,
            doc.output,
            doc.formula,
            doc.missing,
        ];
        assert!(
            class.version >= 1 && !doc.examples.is_empty() && parts.iter().all(|part| !part.is_empty()),
            "{}",
            class.name
        );
    }
}

#[test]
fn id_signs_a_scalar() {
    let id = format!("class = \"id\"\n{A}");
    assert_eq!(run("int", &id, Value::Int(5)).0, [(sign::int(9, 5), 1.0)]);
    assert_eq!(signs("string", &id, Value::str("é")), [text("é")]);
    assert_eq!(
        signs("float", &id, Value::Float(-0.0)),
        [sign::float(9, 0.0).unwrap()]
    );
    assert!(
        signs("float", &id, Value::Float(f64::NAN)).is_empty()
            && signs("int", &id, Value::Missing).is_empty()
    );
    assert_eq!(
        signs("string", &format!("{id}\ndefault = \"x\""), Value::Missing),
        [text("x")]
    );
    assert!(
        signs("int", &id, Value::str("5")).is_empty(),
        "a value of another type is missing"
    );
    assert!(fault("list<int>", &id).starts_with("one.toml:12:11: id takes one field"));
}

#[test]
fn raw_copies_numbers_and_vectors() {
    let raw = format!("class = \"raw\"\n{A}");
    let flag = format!("{raw}\nstr_args = [\"flag\"]");
    assert_eq!(floats("float", &raw, Value::Float(4.5)), [4.5]);
    assert_eq!(floats("bool", &raw, Value::Bool(true)), [1.0]);
    assert_eq!(floats("int", &flag, Value::Missing), [0.0, 1.0]);
    assert_eq!(
        floats("int", &format!("{flag}\ndefault = 7"), Value::Missing),
        [7.0, 1.0]
    );
    assert_eq!(floats("vector<2>", &raw, Value::vector(&[1.0, 2.0])), [1.0, 2.0]);
    assert_eq!(
        floats("vector<2>", &raw, Value::vector(&[1.0])),
        [0.0, 0.0],
        "another width is missing"
    );
    assert_eq!(
        floats("float", &flag, Value::Float(1e300)),
        [0.0, 1.0],
        "what f32 cannot hold is missing"
    );
    assert!(fault("vector<2>", &flag).contains("raw does not know `flag`"));
}

#[test]
fn log_is_of_libm() {
    let log = |word: &str| format!("class = \"log\"\n{A}\nstr_args = [\"{word}\", \"flag\"]");
    assert_eq!(floats("int", &log("log1p"), Value::Int(0)), [0.0, 0.0]);
    assert_eq!(floats("int", &log("log10"), Value::Int(1000)), [3.0, 0.0]);
    assert_eq!(
        floats("float", &log("ln"), Value::Float(std::f64::consts::E)),
        [1.0, 0.0]
    );
    assert_eq!(
        floats("int", &log("log1p"), Value::Int(-1)),
        [0.0, 1.0],
        "no logarithm: missing"
    );
    assert!(fault("int", &log("log1")).contains("log does not know `log1` (did you mean `log1p`?)"));
}

#[test]
fn normalize_by_given_statistics() {
    let zscore = format!("class = \"normalize\"\n{A}\nargs = [3.5, 0.5]\nstr_args = [\"flag\"]");
    assert_eq!(floats("float", &zscore, Value::Float(4.0)), [1.0, 0.0]);
    assert_eq!(floats("float", &zscore, Value::Missing), [0.0, 1.0]);
    let minmax = format!("class = \"normalize\"\n{A}\nargs = [10, 20]\nstr_args = [\"minmax\"]");
    let scaled = |x| floats("int", &minmax, Value::Int(x))[0];
    assert_eq!([scaled(15), scaled(5), scaled(25)], [0.5, 0.0, 1.0]);
    let flat = format!("class = \"normalize\"\n{A}\nargs = [3, 0]");
    assert_eq!(floats("int", &flat, Value::Int(9)), [0.0]);
    assert!(
        fault("int", &format!("class = \"normalize\"\n{A}\nargs = [1]")).contains("13:8: expected no args")
    );
}

#[test]
fn bucketize_counts_boundaries_not_above() {
    let bucketize = format!("class = \"bucketize\"\n{A}\nargs = [10, 20]");
    let bucket = |x| signs("float", &bucketize, Value::Float(x));
    assert_eq!(bucket(9.9), [sign::int(9, 0)]);
    assert_eq!(
        [bucket(10.0), bucket(25.0)],
        [[sign::int(9, 1)], [sign::int(9, 2)]]
    );
    assert!(bucket(f64::NAN).is_empty());
    let fault = |args: &str| fault("int", &format!("class = \"bucketize\"\n{A}\nargs = {args}"));
    for args in ["[]", "[2, 1]", "[1, 1]", "[1, nan]"] {
        assert!(fault(args).contains("strictly increasing"), "{args}");
    }
}

#[test]
fn list_pools() {
    let list = |word: &str| format!("class = \"list\"\n{A}\nstr_args = [\"{word}\", \"flag\"]");
    let pooled = |word, items: &[f64]| floats("list<float>", &list(word), Value::floats(items));
    assert_eq!(pooled("mean", &[1.0, 2.0, 6.0]), [3.0, 0.0]);
    assert_eq!(
        [pooled("sum", &[1.0, -2.0]), pooled("max", &[1.0, -2.0])],
        [[-1.0, 0.0], [1.0, 0.0]]
    );
    assert_eq!(
        [pooled("min", &[1.0, -2.0]), pooled("length", &[1.0, -2.0])],
        [[-2.0, 0.0], [2.0, 0.0]]
    );
    assert_eq!(
        [pooled("mean", &[]), pooled("sum", &[])],
        [[0.0, 1.0], [0.0, 0.0]]
    );
    assert_eq!(pooled("mean", &[f64::NAN, 4.0]), [4.0, 0.0]);
    assert_eq!(
        floats(
            "map<string,float>",
            &list("sum"),
            Value::weighted(&[("x", 0.5), ("y", 1.0)])
        ),
        [1.5, 0.0]
    );
    assert_eq!(
        floats("list<string>", &list("length"), Value::strs(&["x"])),
        [1.0, 0.0]
    );
    assert_eq!(
        floats("list<string>", &list("length"), Value::Missing),
        [0.0, 1.0]
    );
    assert!(fault("list<string>", &list("mean")).contains("pooling needs a list of numbers"));
}

#[test]
fn list_takes_its_first_elements() {
    let first = format!("class = \"list\"\n{A}\nargs = [2]\nstr_args = [\"first\"]");
    assert_eq!(
        signs("list<int>", &first, Value::ints(&[7, 8, 9])),
        [sign::int(9, 7), sign::int(9, 8)]
    );
    assert!(
        fault(
            "list<int>",
            &format!("class = \"list\"\n{A}\nstr_args = [\"first\"]")
        )
        .contains("got nothing")
    );
}

#[test]
fn tags_carry_their_weights() {
    let tag = |more: &str| format!("class = \"tag\"\n{A}\n{more}");
    let map = Value::weighted(&[("x", 0.5), ("y", -1.5), ("z", f32::NAN)]);
    assert_eq!(
        run("map<string,float>", &tag(""), map.clone()).0,
        [(text("x"), 0.5), (text("y"), -1.5)]
    );
    let normal = tag("str_args = [\"normalize\"]");
    assert_eq!(
        run("map<string,float>", &normal, map).0,
        [(text("x"), 0.25), (text("y"), -0.75)]
    );
    assert_eq!(
        run("list<int>", &tag("args = [1]"), Value::ints(&[4, 5])).0,
        [(sign::int(9, 4), 1.0)]
    );
    assert!(signs("list<string>", &tag(""), Value::strs::<&str>(&[])).is_empty());
}

#[test]
fn history_takes_the_most_recent() {
    let history = |words: &str| format!("class = \"history\"\n{A}\nargs = [2]\nstr_args = [{words}]");
    let past = |words| signs("list<int>", &history(words), Value::ints(&[9, 8, 7]));
    let ints = |items: &[i64]| items.iter().map(|x| sign::int(9, *x)).collect::<Vec<_>>();
    assert_eq!(past(""), ints(&[9, 8]));
    assert_eq!(past("\"oldest_first\""), ints(&[7, 8]));
    assert_eq!(
        [past("\"nth\""), past("\"nth\", \"oldest_first\"")],
        [ints(&[8]), ints(&[8])]
    );
    assert!(signs("list<int>", &history("\"nth\""), Value::ints(&[9])).is_empty());
    assert!(
        signs(
            "list<int>",
            &history("\"nth\", \"oldest_first\""),
            Value::ints(&[9])
        )
        .is_empty()
    );
}

#[test]
fn cross_makes_every_combination_in_order() {
    let cross = |args: &str| format!("class = \"cross\"\ndepend = [\"a\", \"k\"]\n{args}");
    let pair = |a: i64| sign::cross(9, &[sign::int(0, a), sign::int(0, 3)]);
    assert_eq!(
        signs("list<int>", &cross(""), Value::ints(&[1, 2])),
        [pair(1), pair(2)]
    );
    assert_eq!(
        signs("list<int>", &cross("args = [1]"), Value::ints(&[1, 2])),
        [pair(1)]
    );
    assert!(signs("int", &cross(""), Value::Missing).is_empty());
    let weighted = run("map<string,float>", &cross(""), Value::weighted(&[("x", 0.5)])).0;
    assert_eq!(weighted[0].1, 0.5);
    let cube = "class = \"cross\"\ndepend = [\"a\", \"k\", \"a\"]";
    let three = |a: i64, b: i64| sign::cross(9, &[sign::int(0, a), sign::int(0, 3), sign::int(0, b)]);
    let found = signs("list<int>", cube, Value::ints(&[1, 2]));
    assert_eq!(found, [three(1, 1), three(1, 2), three(2, 1), three(2, 2)]);
    assert!(fault("float", &cross("")).contains("cross takes two to eight"));
}

#[test]
fn time_parts_in_a_zone() {
    let time = |words: &str| format!("class = \"time\"\n{A}\nstr_args = [{words}]");
    let at = |words: &str, micros: i64| {
        floats(
            "timestamp",
            &time(&format!("{words}, \"dense\"")),
            Value::Time(micros),
        )[0]
    };
    let late = 23 * 3_600_000_000 + 1_800_000_000; // 1970-01-01T23:30Z, a Thursday
    assert_eq!(
        [at("\"hour\"", late), at("\"hour\", \"+01:00\"", late)],
        [23.0, 0.0]
    );
    assert_eq!(
        [at("\"weekday\"", late), at("\"weekday\", \"+01:00\"", late)],
        [4.0, 5.0]
    );
    assert_eq!(
        [
            at("\"day\", \"+01:00\"", late),
            at("\"month\"", late),
            at("\"year\"", -1)
        ],
        [2.0, 1.0, 1969.0]
    );
    assert_eq!(
        [at("\"weekend\"", late), at("\"weekend\"", 2 * 86_400_000_000)],
        [0.0, 1.0]
    );
    assert_eq!(
        signs("timestamp", &time("\"hour\""), Value::Time(late)),
        [sign::int(9, 23)]
    );
    assert_eq!(
        signs(
            "int",
            &time("\"hour\", \"seconds\""),
            Value::Int(late / 1_000_000)
        ),
        [sign::int(9, 23)]
    );
    assert!(
        signs("timestamp", &time("\"hour\", \"+01:00\""), Value::Time(i64::MAX)).is_empty(),
        "no overflow"
    );
    assert!(fault("int", &time("\"hour\"")).contains("needs `seconds`"));
    assert!(fault("timestamp", &time("\"age\"")).contains("`age` takes 2 input(s), got 1"));
    assert!(fault("timestamp", &time("\"hour\", \"+1:00\"")).contains("time does not know `+1:00`"));
}

#[test]
fn age_is_in_days() {
    let age = "class = \"time\"\ndepend = [\"b\", \"a\"]\nstr_args = [\"age\", \"seconds\"]";
    assert_eq!(
        floats("timestamp", age, Value::Time(3_000_000 + 36 * 3_600_000_000)),
        [1.5]
    );
    assert_eq!(floats("timestamp", age, Value::Missing), [0.0]);
}

#[test]
fn is_missing_says_so() {
    let missing = "class = \"is_missing\"\ndepend = [\"a\", \"k\"]";
    assert_eq!(floats("float", missing, Value::Float(f64::NAN)), [1.0, 0.0]);
    assert_eq!(floats("float", missing, Value::Float(0.0)), [0.0, 0.0]);
}

#[test]
fn buckets_grow_by_a_factor() {
    let log = format!("class = \"bucketize\"\n{A}\nargs = [10]\nstr_args = [\"log\"]");
    let bucket = |x| signs("float", &log, Value::Float(x));
    for (x, found) in [
        (0.0, 0),
        (8.9, 0),
        (9.0, 1),
        (99.0, 2),
        (-0.5, -1),
        (-9.0, -2),
        (1e300, 300),
    ] {
        assert_eq!(bucket(x), [sign::int(9, found)], "{x}");
    }
    assert!(bucket(f64::INFINITY).is_empty());
}

#[test]
fn hash_buckets_of_tensorflow() {
    let farm = format!("class = \"hash_bucket\"\n{A}\nargs = [100]\nstr_args = [\"farmhash64\"]");
    let bucket = |value| signs("string", &farm, Value::str(value));
    assert_eq!(bucket("a"), [sign::int(9, 39)], "12917804110809363939");
    assert_eq!(bucket(""), [sign::int(9, 63)], "11160318154034397263");
    let stub = "class = \"hash_bucket\"\ndepend = [\"k\"]\nargs = [7]\nstr_args = [\"farmhash64\"]";
    assert!(fault("int", stub).contains("a feature of signs has none left"));
    let of_signs = "class = \"hash_bucket\"\ndepend = [\"k\"]\nargs = [7]";
    let folded = i64::try_from(sign::int(0, 3) % 7).unwrap();
    assert_eq!(signs("int", of_signs, Value::Missing), [sign::int(9, folded)]);
}

#[test]
fn lists_give_their_last_their_slice_each_once() {
    let list =
        |args: &str, words: &str| format!("class = \"list\"\n{A}\nargs = [{args}]\nstr_args = [{words}]");
    let some = |args, words| signs("list<int>", &list(args, words), Value::ints(&[5, 6, 5, 7, 8]));
    let ints = |items: &[i64]| items.iter().map(|x| sign::int(9, *x)).collect::<Vec<_>>();
    assert_eq!(some("2", "\"last\""), ints(&[7, 8]));
    assert_eq!(some("9", "\"last\", \"dedupe\""), ints(&[5, 6, 7, 8]));
    assert_eq!(some("1, 4", "\"slice\""), ints(&[6, 5, 7]));
    assert_eq!(some("0, 9, 3", "\"slice\""), ints(&[5, 7]));
    assert!(fault("list<int>", &list("4, 1", "\"slice\"")).contains("where to end, a whole number from 5"));
}

#[test]
fn overlaps_by_hand() {
    let overlap = |word: &str| {
        format!("class = \"overlap\"\ndepend = [\"a\", \"b\"]\nstr_args = [\"{word}\", \"flag\"]")
    };
    let of = |word, query: &[i64]| {
        let plan = Plan::compile(&one("list<int>", &overlap(word)), "one.toml", None).unwrap();
        let mut part = Part::default();
        plan.item(
            &[Value::ints(query), Value::Int(3)],
            &mut Scratch::default(),
            &mut part,
        );
        part.dense(0, 2).to_vec()
    };
    assert_eq!(of("query_ratio", &[3, 3, 4, 5]), [1.0 / 3.0, 0.0]);
    assert_eq!(
        [of("title_ratio", &[3, 4]), of("common", &[4])],
        [[1.0, 0.0], [0.0, 0.0]]
    );
    assert_eq!(
        [of("equal", &[3]), of("equal", &[3, 3])],
        [[1.0, 0.0], [0.0, 0.0]]
    );
    assert_eq!([of("index", &[3]), of("index", &[4])], [[0.0, 0.0], [-1.0, 0.0]]);
    assert_eq!(of("contains", &[]), [0.0, 1.0]);
    let strangers = "class = \"overlap\"\ndepend = [\"k\", \"k2\"]\nstr_args = [\"equal\"]\n\
                     [[feature]]\nname = \"k2\"\nslot = 4\nclass = \"id\"\ndepend = [\"b\"]";
    assert!(fault("int", strangers).contains("slots 0 and 4, which never agree"));
}

#[test]
fn ratios_weigh_events() {
    let ratio = |more: &str| format!("class = \"ratio\"\ndepend = [\"b\", \"a\"]\n{more}");
    let events = Value::weighted(&[("view", 10.0), ("buy", 1.0)]);
    let of = |more: &str, events: &Value| floats("map<string,float>", &ratio(more), events.clone());
    assert_eq!(of("", &events), [11.0 / 3.0], "all count 1");
    assert_eq!(
        of("str_args = [\"buy=3\"]", &events),
        [1.0],
        "unnamed types count 0"
    );
    assert_eq!(of("str_args = [\"flag\"]", &Value::Missing), [0.0, 1.0]);
    let cvm = of("args = [1, 1]\nstr_args = [\"cvm\", \"buy=1\"]", &events);
    assert_eq!(cvm, [4f32.ln(), 2f32.ln(), 0.5]);
    let numbers = "class = \"ratio\"\ndepend = [\"b\", \"a\"]\nstr_args = [\"aa=2\"]";
    assert!(fault("int", numbers).contains("`aa` is no input of this feature (did you mean `a`?)"));
}

#[test]
fn expressions_tell_the_nearest_name() {
    let wrong = "class = \"expression\"\ndepend = [\"a\", \"b\"]\nstr_args = [\"sqr(a) + b\"]";
    assert!(fault("int", wrong).contains("unknown function `sqr` (did you mean `sqrt`?)"));
    assert!(fault("int", "class = \"expression\"\ndepend = [\"a\"]").contains("expected a number"));
}

#[test]
fn patterns_are_compiled_with_the_conf() {
    let replace =
        |pattern: &str| format!("class = \"regex_replace\"\n{A}\nstr_args = ['pattern={pattern}', 'with=-']");
    assert_eq!(
        signs("string", &replace("[aeiou]+"), Value::str("queue é")),
        [text("q- é")]
    );
    assert_eq!(signs("string", &replace("x*"), Value::str("é")), [text("-é-")]);
    assert!(fault("string", &replace("(")).contains("pattern `(`: error: unclosed group"));
}

#[test]
fn coalesce_takes_the_first_that_is_there_and_nothing_of_another_width() {
    let of = |rest: &str| format!("class = \"coalesce\"\n{rest}");
    let vectors = of(
        "depend = [\"a\", \"v\"]\n[[feature]]\nname = \"v\"\nclass = \"const\"\ndepend = []\nargs = [8, 9]",
    );
    let numbers = of("depend = [\"a\", \"b\"]");
    assert_eq!(floats("float", &numbers, Value::Float(0.5)), [0.5]);
    assert_eq!(floats("float", &numbers, Value::Missing), [3.0]);
    assert!(fault("vector<3>", &vectors).contains("expected 3 float(s) as of the first input, got 2"));
    assert!(fault("list<int>", &numbers).contains("coalesce takes two to eight of one width"));
}

#[test]
fn vectors_of_other_widths_are_faults() {
    let dot = "class = \"vector\"\ndepend = [\"a\", \"v\"]\n\
               [[feature]]\nname = \"v\"\nclass = \"const\"\ndepend = []\nargs = [1, 2, 3]";
    assert!(fault("vector<2>", dot).contains("vectors of 2 and of 3 floats"));
    let norm = "class = \"vector\"\ndepend = [\"k\"]\nstr_args = [\"norm\"]";
    assert!(fault("int", norm).contains("vector takes one or two vectors"));
}
