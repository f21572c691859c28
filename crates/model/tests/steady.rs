//! In steady state scoring allocates nothing, whatever the kind of model: counted by the allocator itself.

#[path = "../../feature/tests/counting/mod.rs"]
mod counting;

use counting::count;
use rankine_feature::{Part, Plan, Rows, Scratch, Value, sign};
use rankine_model::{Hidden, ModelConfig, Network, Parameters, ScoreScratch, Scorer, Table, Tensor};

const CONF: &str = r#"format = 1
name = "steady"
schema.user = [{ name = "u", type = "int" }, { name = "past", type = "list<int>" }]
schema.item = [{ name = "i", type = "int" }, { name = "x", type = "float" }]
sample = { label = ["label"] }
feature = [
  { name = "fu", class = "id", slot = 1, depend = ["u"] },
  { name = "fp", class = "history", slot = 2, depend = ["past"], args = [5] },
  { name = "fi", class = "id", slot = 3, depend = ["i"] },
  { name = "fx", class = "raw", slot = 4, depend = ["x"] },
  { name = "pair", class = "cross", slot = 5, depend = ["fp", "fi"] },
]
"#;

const MODELS: [&str; 14] = [
    "kind = \"widedeep\"\nembedding = [{ slots = [1, 2, 3], table = \"id\", dim = 16 }]\ndense = { slots = [4] }\nwide = { slots = [5] }\nhidden = [32, 8]\n",
    "kind = \"embeddingmlp\"\nembedding = [{ slots = [1, 2, 3, 5], table = \"id\", dim = 6 }]\ndense = { slots = [4] }\nhidden = [32, 8]\n",
    "kind = \"deepfm\"\nembedding = [{ slots = [1, 2, 3, 5], table = \"id\", dim = 6 }]\ndense = { slots = [4] }\nwide = { slots = [1, 5] }\nhidden = [32, 8]\n",
    "kind = \"neuralcf\"\nembedding = [{ slots = [1], table = \"u\", dim = 6 }, { slots = [3], table = \"i\", dim = 6 }]\ngmf = { dim = 6 }\nbias = {}\nhidden = [9]\n",
    "kind = \"dssm\"\nembedding = [{ slots = [1, 2, 3], table = \"id\", dim = 6 }]\ntower.user = { slots = [1, 2], hidden = [9, 5] }\ntower.item = { slots = [3, 4], hidden = [7, 5] }\ntower.context = { slots = [1] }\n",
    "kind = \"dssm\"\nembedding = [{ slots = [1, 2, 3], table = \"id\", dim = 6 }]\ntower.user = { slots = [1, 2], hidden = [9, 5] }\ntower.item = { slots = [3, 4], hidden = [7, 5] }\nnorm = \"layer\"\nactivation = \"dice\"\n",
    "kind = \"neuralcf\"\nembedding = [{ slots = [1], table = \"u\", dim = 6 }, { slots = [3], table = \"i\", dim = 6 }]\ngmf = { dim = 6 }\nbias = {}\nhidden = [9]\nnorm = \"batch\"\n",
    "kind = \"lr\"\nlinear = { slots = [1, 2, 3, 5] }\n",
    "kind = \"fm\"\nlinear = { slots = [1, 2, 3, 5], k = 4, init = 0.1 }\n",
    "kind = \"dcn\"\nembedding = [{ slots = [1, 2, 3, 5], table = \"id\", dim = 4 }]\nhidden = [8]\nnorm = \"batch\"\n",
    "kind = \"autoint\"\nembedding = [{ slots = [1, 2, 3, 5], table = \"id\", dim = 4 }]\nhidden = [8]\n",
    "kind = \"din\"\nembedding = [{ slots = [1, 2, 3], table = \"id\", dim = 4 }]\nhistory = { slots = [2], target = [3], activation = \"dice\" }\nhidden = [8]\nactivation = \"dice\"\n",
    "kind = \"dien\"\nembedding = [{ slots = [1, 2, 3], table = \"id\", dim = 4 }]\nhistory = { slots = [2], target = [3] }\nhidden = [8]\nactivation = \"prelu\"\n",
    "kind = \"ffm\"\nlinear = { slots = [1, 2, 3, 5], k = 4, init = 0.1 }\n",
];

/// Rows for half of the ids: some signs are known, others are not.
fn table(dim: usize) -> Table<f32> {
    let mut table = Table::plain(dim);
    for (slot, id) in (1..=5).flat_map(|slot| (0..150).map(move |id| (slot, id))) {
        table.intern(sign::int(slot, id), |row| row.fill(0.25));
    }
    table
}

fn parameters(network: &Network) -> Parameters<f32> {
    let mut found = Parameters::default();
    for spec in &network.tables {
        found.tables.insert(spec.name.clone(), table(spec.dim));
    }
    if let Some(linear) = &network.linear {
        let spec = linear.table();
        found.tables.insert(spec.name, table(spec.dim));
    }
    for spec in network.tensors() {
        found.dense.insert(spec.name, Tensor::zeros(&spec.shape));
    }
    found
}

fn parts(plan: &Plan, n: i64) -> [Part; 3] {
    let user = [Value::Int(n), Value::ints(&[1, 2, n])];
    let item = [Value::Int(n + 1), Value::Float(0.5)];
    let (mut scratch, [mut common, mut own, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
    plan.common(&user, &[], &mut scratch, &mut common);
    plan.item(&item, &mut scratch, &mut own);
    plan.cross(
        Rows {
            user: &user,
            item: &item,
            context: &[],
        },
        &common,
        &own,
        &mut scratch,
        &mut cross,
    );
    [common, own, cross]
}

#[test]
fn scoring_allocates_nothing_after_the_first_requests() {
    let plan = Plan::compile(CONF, "steady.toml", None).unwrap();
    for text in MODELS {
        let text = format!("format = 1\nconf = \"steady\"\n{text}");
        let network = Network::compile(&ModelConfig::parse(&text, "model.toml").unwrap(), &plan).unwrap();
        let scorer = Scorer::new(&network, &parameters(&network)).unwrap();
        let items: Vec<[Part; 3]> = (0..300).map(|n| parts(&plan, n)).collect();
        let (mut s, mut common) = (ScoreScratch::default(), Hidden::default());
        let (mut hidden, mut scores) = (vec![Hidden::default(); items.len()], vec![0.0; items.len()]);
        let mut request = || {
            scorer.common(&items[0][0], &mut common);
            scorer.item(&items[0][1], &mut hidden[0]);
            scorer.items(&|i| &items[i][1], &mut s, &mut hidden);
            let candidate = |i: usize| (&hidden[i], &items[i][2]);
            scorer.score_many(&common, &candidate, &mut s, &mut scores);
            scorer.score(&common, &hidden[0], &items[0][2], &mut s);
        };
        (0..3).for_each(|_| request());
        let before = count();
        (0..10).for_each(|_| request());
        assert_eq!(count() - before, 0, "{text}");
    }
}
