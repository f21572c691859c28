//! Layers of graphs against PyTorch: `data/golden_layers.json`, written by `data/golden_layers.py`.
#![cfg(test)]

use rankine_model::config::ActivationName;
use rankine_model::graph::{
    Attention, BatchNorm, Block, Both, Cross, Dice, Evolve, Gelu, Gru, Interact, Keep, Layer, LayerNorm,
    Mixture, Pairs, Prelu, View,
};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    if let Value::Array(values) = value {
        return values.iter().flat_map(numbers).collect();
    }
    vec![value.as_f64().unwrap()]
}

fn layer(name: &str, shape: &Value) -> Layer {
    let size = |key: &str| usize::try_from(shape[key].as_u64().unwrap()).unwrap();
    let width = || size("width");
    match name {
        "cross" => Layer::Cross(Cross {
            width: width(),
            rank: shape.get("rank").map(|_| size("rank")),
        }),
        "interact" => Layer::Interact(Interact {
            fields: size("fields"),
            dim: size("dim"),
            outputs: size("outputs"),
            heads: size("heads"),
        }),
        "attention" => Layer::Attention(Attention {
            dim: size("dim"),
            length: size("length"),
            hidden: size("hidden"),
            activation: ActivationName::Sigmoid,
            softmax: shape["softmax"].as_bool().unwrap(),
        }),
        "gru" => Layer::Gru(Gru {
            dim: size("dim"),
            states: size("states"),
            length: size("length"),
        }),
        "evolve" => Layer::Evolve(Evolve {
            target: size("target"),
            states: size("states"),
            length: size("length"),
        }),
        "mixture" => Layer::Mixture(Mixture {
            experts: size("experts"),
            width: width(),
            inputs: size("inputs"),
        }),
        "batchnorm" => Layer::BatchNorm(BatchNorm { width: width() }),
        "layernorm" => Layer::LayerNorm(LayerNorm { width: width() }),
        "prelu" => Layer::Prelu(Prelu { width: width() }),
        "gelu" => Layer::Gelu(Gelu { width: width() }),
        "dice" => Layer::Dice(Dice { width: width() }),
        "both" => Layer::Both(Both),
        "pairs" => Layer::Pairs(Pairs { dim: size("dim") }),
        other => panic!("{other}"),
    }
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("data/golden_layers.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let name = case["layer"].as_str().unwrap();
        let rows = usize::try_from(case["rows"].as_u64().unwrap()).unwrap();
        let sources: Vec<Vec<f64>> = case["from"].as_array().unwrap().iter().map(numbers).collect();
        let from: Vec<View<'_, f64>> = sources
            .iter()
            .map(|data| View::rows(data, data.len() / rows))
            .collect();
        let tensors = case["blocks"].as_array().unwrap().iter();
        let tensors: Vec<[Vec<f64>; 2]> = tensors
            .map(|b| [numbers(&b["weight"]), numbers(&b["bias"])])
            .collect();
        let blocks: Vec<Block<'_, f64>> = tensors
            .iter()
            .map(|[weight, bias]| Block { weight, bias })
            .collect();
        let expected = numbers(&case["out"]);
        let mut out = vec![9.0; expected.len()];
        layer(name, &case["shape"]).forward(rows, &from, &blocks, &mut out, &mut Keep::default());
        for (i, (got, expected)) in out.iter().zip(&expected).enumerate() {
            assert!(
                (got - expected).abs() < 1e-9,
                "{name} number {i}: {got}, expected {expected}"
            );
        }
    }
}
