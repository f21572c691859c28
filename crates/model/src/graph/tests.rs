//! Graphs as they serve, against the same layers run sample by sample without groups.

use super::{Block, Keep, Layer, View, sequence};
use crate::network::{Network, width};
use crate::testing::{self, Random, network, parameters, part_of, parts, plan, sample};
use crate::{Parameters, Scorer};
use rankine_feature::Part;

/// Ids, a cross, lists and numbers of both sides.
pub(crate) const ALL: &str = r#"format = 1
conf = "movie"
embedding = [{ slots = [1, 5], table = "who", dim = 4 }, { slots = [2, 30, 3, 4], table = "what", dim = 4 }]
dense = { slots = [20, 21] }
"#;

/// A history of films, the candidate's id beside it.
const HISTORY: &str = r#"format = 1
conf = "movie"
embedding = [{ slots = [1, 5], table = "who", dim = 3 }, { slots = [2, 3, 30], table = "what", dim = 4 }]
dense = { slots = [21] }
history = { slots = [3], target = [2], length = 3, hidden = 5 }
"#;

/// Files of every kind that is a graph and learns one label.
pub(crate) fn models() -> Vec<String> {
    let of = |parts: &str, rest: &str| format!("{parts}{rest}");
    vec![
        of(ALL, "kind = \"dcn\"\nhidden = [7, 3]\ncross = { layers = 2 }\n"),
        of(ALL, "kind = \"dcn\"\ncross = { layers = 1, rank = 2 }\n"),
        of(
            ALL,
            "kind = \"autoint\"\nhidden = [6]\nattention = { heads = 2, dim = 3 }\n",
        ),
        of(HISTORY, "kind = \"din\"\nhidden = [6]\nactivation = \"dice\"\n"),
        of(
            &HISTORY.replace("hidden = 5", "hidden = 5, activation = \"dice\""),
            "kind = \"din\"\nhidden = [6]\n",
        ),
        of(HISTORY, "kind = \"dien\"\nhidden = [6]\nactivation = \"prelu\"\n"),
        of(
            ALL,
            "kind = \"mmoe\"\nlabels = [\"label\"]\nexperts = { shared = 3, hidden = [5] }\ntask = { hidden = [2] }\n",
        ),
        of(
            ALL,
            "kind = \"ple\"\nlabels = [\"label\"]\nexperts = { hidden = [5] }\n",
        ),
        of(
            ALL,
            "kind = \"embeddingmlp\"\nhidden = [6, 4]\nnorm = \"batch\"\nactivation = \"gelu\"\n",
        ),
        of(
            ALL,
            "kind = \"deepfm\"\nhidden = [6]\nnorm = \"layer\"\nwide = { slots = [1, 2, 30] }\n",
        ),
        of(
            ALL,
            "kind = \"deepfm\"\nhidden = [6]\nwide = { slots = [1, 2] }\n\
             pairs = { of = [[2, 1], [4, 30], [2, 4]], only = [4], join = \"concat\" }\n",
        ),
        of(
            ALL,
            "kind = \"widedeep\"\nactivation = \"prelu\"\nwide = { slots = [30] }\n",
        ),
        of(
            ALL,
            "kind = \"neuralcf\"\nhidden = [6]\nnorm = \"batch\"\nbias = {}\ngmf = { dim = 3 }\n",
        ),
        of(
            ALL,
            "kind = \"neuralcf\"\nhidden = [6]\nactivation = \"dice\"\ngmf = { dim = 3, slots = [1, 2, 4] }\n",
        ),
    ]
}

fn row(parameters: &Parameters<f64>, network: &Network, column: usize, sign: u64) -> Vec<f64> {
    let table = &parameters.tables[&network.tables[network.columns[column].table].name];
    table.weights(table.row(sign)).to_vec()
}

/// The value of an input or a sequence, written down from its definition.
fn read(network: &Network, parameters: &Parameters<f64>, layer: &Layer, parts: &[Part; 3]) -> Vec<f64> {
    if let Layer::Input(input) = layer {
        let mut out: Vec<f64> = Vec::new();
        for column in &input.columns {
            out.extend(testing::pooled(network, parameters, parts, *column));
        }
        for slot in &network.dense[input.dense.clone()] {
            let floats = part_of(parts, slot.group).dense(slot.index, width(slot));
            out.extend(floats.iter().map(|v| f64::from(*v)));
        }
        return out;
    }
    let Layer::Sequence(shape) = layer else {
        panic!("no input");
    };
    let slot = &network.columns[shape.columns[0]].slot;
    let signs = part_of(parts, slot.group).sparse(slot.index).0;
    let latest = &signs[..signs.len().min(shape.length)];
    let rows = latest.iter().rev();
    let rows = rows.flat_map(|sign| row(parameters, network, shape.columns[0], *sign));
    let mut out: Vec<f64> = rows.collect();
    out.resize(shape.width(), 0.0);
    *out.last_mut().unwrap() = latest.len() as f64;
    out
}

/// The logits of all served outputs, a sample at a time and without groups.
fn plainly(network: &Network, parameters: &Parameters<f64>, parts: &[Part; 3]) -> Vec<f64> {
    let graph = network.graph.as_ref().unwrap();
    let mut values: Vec<Vec<f64>> = Vec::new();
    for node in &graph.nodes {
        if matches!(node.layer, Layer::Input(_) | Layer::Sequence(_)) {
            values.push(read(network, parameters, &node.layer, parts));
            continue;
        }
        let specs = node.layer.blocks();
        let tensor = |spec: &super::BlockSpec, part: &str| {
            let name = format!("{}{}.{part}", node.name, spec.name);
            parameters.dense.get(&name).map_or(&[][..], |tensor| &tensor.data)
        };
        let block = |spec| Block {
            weight: tensor(spec, "weight"),
            bias: tensor(spec, "bias"),
        };
        let blocks: Vec<Block<'_, f64>> = specs.iter().map(block).collect();
        let from: Vec<View<'_, f64>> = node.from.iter().map(|at| View::same(&values[*at])).collect();
        let mut out = vec![0.0; node.width];
        node.layer
            .forward(1, &from, &blocks, &mut out, &mut Keep::default());
        values.push(out);
    }
    graph.served().map(|output| values[output.node][0]).collect()
}

#[test]
fn a_graph_scores_what_its_layers_say_without_groups() {
    for text in models() {
        let network = network(&text);
        let parameters = parameters(&network, 5).convert::<f64>();
        let scorer = Scorer::new(&network, &parameters).unwrap();
        for seed in 0..60 {
            let parts = parts(&plan(), &sample(seed));
            let expected = testing::sigmoid(plainly(&network, &parameters, &parts)[0]);
            let got = testing::score(&scorer, &parts);
            assert!(
                (got - expected).abs() < 1e-12,
                "{text} sample {seed}: {got} {expected}"
            );
        }
    }
}

#[test]
fn a_batch_is_its_candidates_one_by_one() {
    for text in models() {
        let network = network(&text);
        let scorer = Scorer::new(&network, &parameters(&network, 6)).unwrap();
        let mut random = Random(9);
        let order: Vec<u64> = (0..300).map(|_| random.below(40) as u64).collect();
        testing::assert_batch_is_one_by_one(&scorer, &order, 3);
    }
}

#[test]
fn slots_that_only_the_auxiliary_loss_reads_are_not_served() {
    let network = network(&format!("{HISTORY}kind = \"dien\"\nhidden = [6]\n"));
    let graph = network.graph.as_ref().unwrap();
    let live = graph.live();
    let dead: Vec<&str> = graph
        .nodes
        .iter()
        .zip(&live)
        .filter(|(_, l)| !**l)
        .map(|(n, _)| n.name.as_str())
        .collect();
    assert_eq!(dead, ["auxiliary"]);
    let scorer = Scorer::new(&network, &parameters(&network, 1)).unwrap();
    assert_eq!(scorer.outputs(), ["score"]);
    assert!(scorer.has_cross() && scorer.reads(3) && !scorer.reads(4));
}

#[test]
fn a_history_of_no_entries_is_zeros() {
    assert_eq!(sequence::entries(&[0.0f64, 0.0, 0.0]), 0);
    assert_eq!(sequence::entries(&[1.0f32, 2.0, 2.0]), 2);
}

#[test]
fn what_a_kind_lacks_is_told_with_its_line() {
    let faults = |text: &str| crate::ModelConfig::parse(text, "m.toml").unwrap_err().to_string();
    let lr =
        faults("format = 1\nkind = \"lr\"\nconf = \"movie\"\nlinear = { slots = [1] }\nnorm = \"batch\"\n");
    assert!(lr.contains("m.toml:5:8: kind `lr` has no `norm`"), "{lr}");
    let din = faults(
        "format = 1\nkind = \"din\"\nconf = \"movie\"\nembedding = [{ slots = [1, 2], table = \"t\", dim = 2 }]\n",
    );
    assert!(din.contains("kind `din` needs `history`"), "{din}");
    let uneven = format!(
        "{}kind = \"din\"\n",
        HISTORY.replace("target = [2]", "target = [2, 1]")
    );
    assert!(faults(&uneven).contains("`history` has 1 slots and 2 of the target"));
}
