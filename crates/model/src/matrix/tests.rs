use super::*;
use crate::config::ModelConfig;
use crate::network::Network;
use crate::parameters::{Parameters, Table, Tensor};
use crate::scorer::{Hidden, ScoreScratch, Scorer};
use rankine_feature::{Part, Plan, Scratch, Value};
use rankine_kernel::rows::MISSING;

const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }, { name = "history", type = "list<int>" }]
schema.item = [{ name = "itemId", type = "int" }, { name = "price", type = "float" }]
schema.context = []
sample = { label = ["label"], group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
[[feature]]
name = "item"
class = "id"
slot = 2
depend = ["itemId"]
[[feature]]
name = "met"
class = "history"
slot = 3
share = 2
depend = ["history"]
args = [9]
[[feature]]
name = "cost"
class = "raw"
slot = 4
depend = ["price"]
"#;

fn plan() -> Plan {
    Plan::compile(CONF, "conf", None).unwrap()
}

fn config(text: &str) -> ModelConfig {
    ModelConfig::parse(&format!("format = 1\nconf = \"shop\"\n{text}\n"), "m.toml").unwrap()
}

/// Faults of a model file, without the column.
fn faults(text: &str) -> Vec<String> {
    let short = |faults: &rankine_config::Faults| -> Vec<String> {
        let all = faults.0.iter().map(ToString::to_string);
        let parts = all.map(|fault| fault.splitn(4, ':').map(str::to_owned).collect::<Vec<_>>());
        parts.map(|p| format!("{}:{}", p[1], p[3])).collect()
    };
    let file = format!("format = 1\nconf = \"shop\"\n{text}\n");
    let config = match ModelConfig::parse(&file, "m.toml") {
        Ok(config) => config,
        Err(faults) => return short(&faults),
    };
    let faults = Network::compile(&config, &plan()).unwrap_err();
    short(&faults)
}

/// The sign of an item.
fn item(id: i64) -> u64 {
    rankine_feature::sign::int(2, id)
}

fn table(rows: &[(u64, &[f32])], missing: &[f32]) -> Table<f32> {
    let mut table = Table::plain(missing.len());
    table.row_mut(MISSING).0.copy_from_slice(missing);
    for (sign, row) in rows {
        table.intern(*sign, |weights| weights.copy_from_slice(row));
    }
    table
}

fn count(parameters: &mut Parameters<f32>, items: f32) {
    parameters
        .dense
        .insert(COUNT.to_owned(), Tensor::new(&[1], vec![items]));
}

/// Scores of some items for one user with a history.
fn scores(text: &str, parameters: &Parameters<f32>, (user, met): (i64, &[i64]), items: &[i64]) -> Vec<f32> {
    let plan = plan();
    let scorer = Scorer::new(&Network::compile(&config(text), &plan).unwrap(), parameters).unwrap();
    let mut scratch = Scratch::default();
    let (mut part, cross) = (Part::default(), Part::default());
    let mut common = Hidden::default();
    plan.common(
        &[Value::Int(user), Value::ints(met)],
        &[],
        &mut scratch,
        &mut part,
    );
    scorer.common(&part, &mut common);
    let hidden = items.iter().map(|id| {
        let mut hidden = Hidden::default();
        plan.item(&[Value::Int(*id), Value::Missing], &mut scratch, &mut part);
        scorer.item(&part, &mut hidden);
        hidden
    });
    let hidden: Vec<Hidden> = hidden.collect();
    let mut out = vec![0.0; items.len()];
    let mut scratch = ScoreScratch::default();
    scorer.score_many(&common, &|i| (&hidden[i], &cross), &mut scratch, &mut out);
    for (hidden, out) in hidden.iter().zip(&out) {
        assert_eq!(
            scorer.score(&common, hidden, &cross, &mut scratch).to_bits(),
            out.to_bits()
        );
    }
    out
}

#[test]
fn neighbours_of_the_history_are_added_up() {
    let mut parameters = Parameters::default();
    count(&mut parameters, 3.0);
    let places = [(item(10), &[0.0][..]), (item(11), &[1.0]), (item(12), &[2.0])];
    parameters
        .tables
        .insert(ITEMS.to_owned(), table(&places, &[-1.0]));
    let all = [
        (item(10), &[0.0, 0.5, 0.25][..]),
        (item(11), &[0.125, 0.0, 2.0]),
        (item(12), &[1.0, 1.0, 0.0]),
    ];
    parameters
        .tables
        .insert(NEIGHBOURS.to_owned(), table(&all, &[0.0; 3]));
    let ease = "kind = \"ease\"\nmatrix = { item = 2, history = 3 }";
    let found = scores(ease, &parameters, (1, &[10, 11, 99]), &[10, 11, 12, 99]);
    assert_eq!(found, [0.125, 0.5, 2.25, 0.0]);
    assert_eq!(scores(ease, &parameters, (1, &[]), &[10, 12]), [0.0, 0.0]);
    // of each item: the places of its nearest, then their weights
    let two = [
        (item(10), &[1.0, 2.0, 0.5, 0.25][..]),
        (item(11), &[2.0, -1.0, 2.0, 7.0]),
        (item(12), &[0.0, 1.0, 4.0, 1.0]),
    ];
    parameters
        .tables
        .insert(NEIGHBOURS.to_owned(), table(&two, &[-1.0, -1.0, 0.0, 0.0]));
    let knn = "kind = \"itemknn\"\nmatrix = { item = 2, history = 3, neighbours = 2 }";
    assert_eq!(
        scores(knn, &parameters, (1, &[10, 11, 77]), &[10, 11, 12, 99]),
        [0.5, 0.0, 5.0, 0.0]
    );
    let wrong = Scorer::new(&Network::compile(&config(ease), &plan()).unwrap(), &parameters);
    assert!(wrong.err().unwrap().to_string().contains("rows of 3"));
}

#[test]
fn popularity_needs_no_user_and_reads_no_slot_of_his() {
    let mut parameters = Parameters::default();
    count(&mut parameters, 1.0);
    parameters
        .tables
        .insert(ITEMS.to_owned(), table(&[(item(10), &[0.75])], &[0.0]));
    let text = "kind = \"popularity\"\nmatrix = { item = 2, user = 1 }";
    assert_eq!(scores(text, &parameters, (5, &[10]), &[10, 11]), [0.75, 0.0]);
    let scorer = Scorer::new(&Network::compile(&config(text), &plan()).unwrap(), &parameters).unwrap();
    assert_eq!([1, 2, 3].map(|slot| scorer.reads(slot)), [false, true, false]);
    assert_eq!(scorer.vector_width(), None);
}

#[test]
fn factors_multiply_and_new_users_are_solved_by_hand() {
    let mut parameters = Parameters::default();
    count(&mut parameters, 2.0);
    let items = [(item(10), &[1.0, 0.0][..]), (item(11), &[0.5, 2.0])];
    parameters
        .tables
        .insert(ITEMS.to_owned(), table(&items, &[0.0, 0.0]));
    let known = rankine_feature::sign::int(1, 7);
    parameters
        .tables
        .insert(USERS.to_owned(), table(&[(known, &[3.0, -1.0])], &[0.0, 0.0]));
    // 0.5·QᵀQ
    parameters
        .dense
        .insert(GRAM.to_owned(), Tensor::new(&[2, 2], vec![0.625, 0.5, 0.5, 2.0]));
    let text = "kind = \"ials\"\nmatrix = { user = 1, item = 2, history = 3, dim = 2, unobserved = 0.5, reg = 0.25 }";
    let found = scores(text, &parameters, (7, &[10]), &[10, 11, 99]);
    assert_eq!(found, [3.0, -0.5, 0.0]);
    // of item 10 alone: A = gram + q·qᵀ + 0.25·(1 + 0.5·2)·1 = [[2.125, 0.5], [0.5, 2.5]], b = [1, 0]
    let determinant = 2.125 * 2.5 - 0.25;
    let (p, q) = (2.5 / determinant, -0.5 / determinant);
    for (user, text) in [
        (8, text.to_owned()),
        (7, text.replace("dim = 2", "dim = 2, fold_in = \"always\"")),
    ] {
        let found = scores(&text, &parameters, (user, &[10, 99]), &[10, 11]);
        assert!(
            (found[0] - p).abs() < 1e-6 && (found[1] - (0.5 * p + 2.0 * q)).abs() < 1e-6,
            "{found:?}"
        );
    }
}

#[test]
fn walks_compare_with_the_mean_of_the_history() {
    let mut parameters = Parameters::default();
    count(&mut parameters, 2.0);
    let items = [(item(10), &[1.0, 0.0][..]), (item(11), &[0.0, 1.0])];
    parameters
        .tables
        .insert(ITEMS.to_owned(), table(&items, &[0.0, 0.0]));
    let text = "kind = \"walk\"\nmatrix = { item = 2, history = 3, dim = 2 }";
    let found = scores(text, &parameters, (1, &[10, 11]), &[10, 99]);
    assert!(
        (found[0] - 0.5_f32.sqrt()).abs() < 1e-6 && found[1] == 0.0,
        "{found:?}"
    );
    assert_eq!(scores(text, &parameters, (1, &[]), &[10]), [0.0]);
}

#[test]
fn keys_of_other_kinds_and_slots_of_the_wrong_side_are_named() {
    assert_eq!(
        faults("kind = \"ease\"\nmatrix = { item = 2, history = 3, dim = 8 }"),
        ["4: kind `ease` has no `matrix.dim`"]
    );
    for kind in ["ease", "itemknn", "walk"] {
        assert_eq!(
            faults(&format!(
                "kind = \"{kind}\"\nmatrix = {{ item = 2, history = 1 }}"
            )),
            ["4: slot 1 shares no signs with the items of slot 2: give its feature `share = 2`"]
        );
    }
    assert_eq!(
        faults("kind = \"ials\"\nmatrix = { item = 2 }"),
        ["4: kind `ials` needs `matrix.user`"]
    );
    assert_eq!(
        faults("kind = \"ials\"\nmatrix = { user = 1, item = 2, steps = 3 }"),
        ["4: only the solver `cg` has `steps`"]
    );
    assert_eq!(
        faults("kind = \"bpr\"\nmatrix = { user = 2, item = 4 }"),
        [
            "4: slot 2 rests on the item, expected one that rests on user and context",
            "4: slot 4 is dense, a table takes signs",
        ]
    );
    assert_eq!(
        faults("kind = \"lr\"\nlinear = { slots = [1] }\nmatrix = { item = 2 }"),
        ["3: kind `lr` has no `matrix`"]
    );
}

#[test]
fn frequencies_grow_as_told() {
    assert!((ridge(3, 1.0, 1.0) - 4.0).abs() < 1e-15);
    assert!((ridge(3, 1.0, 0.5) - 2.0).abs() < 1e-12);
    assert!((ridge(9, 0.5, 0.0) - 1.0).abs() < 1e-15);
}
