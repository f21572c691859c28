//! What stands behind the product of a hidden layer, in every stack of hidden layers: a norm, then an activation.
//!
//! Decision: graphs and towers ask here, so that a stack is the same layers wherever a model file declares one. An activation
//! that needs no parameters and follows the product at once rides in the product's own layer, whose fast path stays as it was.

use super::{Activate, BatchNorm, BlockSpec, Dice, Gelu, Layer, LayerNorm, Prelu};
use crate::config::{ActivationName, ModelConfig, NormName};
use crate::network::TensorSpec;
use rankine_kernel::activation::Activation;

/// Norm and activation of hidden layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// The norm; none where the activation follows the product.
    pub norm: Option<NormName>,
    /// The activation.
    pub activation: ActivationName,
}

impl From<ActivationName> for Behind {
    /// The activation without a norm.
    fn from(activation: ActivationName) -> Behind {
        Behind {
            norm: None,
            activation,
        }
    }
}

impl Behind {
    /// Returns what the hidden layers of a model file have.
    #[must_use]
    pub fn of(config: &ModelConfig) -> Behind {
        Behind {
            norm: config.norm,
            activation: config.activation,
        }
    }

    /// Returns the function that the product's own layer applies, where nothing else stands behind it.
    #[must_use]
    pub fn fused(self) -> Option<Activation> {
        self.activation.fused().filter(|_| self.norm.is_none())
    }

    /// Returns the function that the product's own layer applies: `linear` where layers of their own follow.
    #[must_use]
    pub fn own(self) -> Activation {
        self.fused().unwrap_or(Activation::Linear)
    }

    /// Returns the layers of their own behind a product called `name` of `width` numbers, with their names; none where the
    /// product's own layer does it all.
    #[must_use]
    pub fn layers(self, name: &str, width: usize) -> Vec<(String, Layer)> {
        if self.fused().is_some() {
            return Vec::new();
        }
        let norm = self.norm.map(|norm| match norm {
            NormName::Batch => Layer::BatchNorm(BatchNorm { width }),
            NormName::Layer => Layer::LayerNorm(LayerNorm { width }),
        });
        let norm = norm.map(|layer| (format!("{name}.norm"), layer));
        let activation = activation(self.activation, width);
        let activation = activation.map(|layer| (format!("{name}.{}", self.activation.name()), layer));
        norm.into_iter().chain(activation).collect()
    }

    /// Returns what it is in words: `relu`, `batch norm, dice`.
    #[must_use]
    pub fn words(self) -> String {
        let norm = match self.norm {
            None => "",
            Some(NormName::Batch) => "batch norm, ",
            Some(NormName::Layer) => "layer norm, ",
        };
        format!("{norm}{}", self.activation.name())
    }
}

/// An activation that no product applies itself, as a layer.
pub(crate) fn alone(name: ActivationName, width: usize) -> Option<Layer> {
    activation(name, width).filter(|_| name.fused().is_none())
}

/// An activation as a layer of its own; `linear` is none.
fn activation(name: ActivationName, width: usize) -> Option<Layer> {
    Some(match name {
        ActivationName::Linear => return None,
        ActivationName::Gelu => Layer::Gelu(Gelu { width }),
        ActivationName::Prelu => Layer::Prelu(Prelu { width }),
        ActivationName::Dice => Layer::Dice(Dice { width }),
        ActivationName::Relu | ActivationName::Sigmoid | ActivationName::Tanh => Layer::Activate(Activate {
            width,
            activation: name.fused().unwrap_or_default(),
        }),
    })
}

/// The tensors of a layer's blocks, `node` being the layer's name.
pub(crate) fn tensors(node: &str, layer: &Layer) -> Vec<TensorSpec> {
    let of = |block: BlockSpec| {
        let name = format!("{node}{}", block.name);
        let bias = block.bias.then(|| TensorSpec {
            name: format!("{name}.bias"),
            shape: vec![block.outputs],
        });
        let weight = TensorSpec {
            name: format!("{name}.weight"),
            shape: vec![block.inputs, block.outputs],
        };
        std::iter::once(weight).chain(bias)
    };
    layer.blocks().into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(norm: Option<NormName>, activation: ActivationName) -> Behind {
        Behind { norm, activation }
    }

    #[test]
    fn only_a_norm_or_parameters_make_layers_of_their_own() {
        let plain = behind(None, ActivationName::Relu);
        assert_eq!(
            (plain.fused(), plain.layers("h", 3)),
            (Some(Activation::Relu), vec![])
        );
        let normed = behind(Some(NormName::Batch), ActivationName::Relu);
        assert_eq!((normed.fused(), normed.own()), (None, Activation::Linear));
        let names = |behind: Behind| {
            let layers = behind.layers("user.0", 3).into_iter();
            layers.map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(normed), ["user.0.norm", "user.0.relu"]);
        assert_eq!(
            names(behind(Some(NormName::Layer), ActivationName::Linear)),
            ["user.0.norm"]
        );
        assert_eq!(names(ActivationName::Dice.into()), ["user.0.dice"]);
        assert_eq!(normed.words(), "batch norm, relu");
    }

    #[test]
    fn a_layer_s_tensors_carry_its_name() {
        let (name, layer) = &behind(Some(NormName::Batch), ActivationName::Relu).layers("item.1", 4)[0];
        let names: Vec<(String, Vec<usize>)> = tensors(name, layer)
            .into_iter()
            .map(|tensor| (tensor.name, tensor.shape))
            .collect();
        let expected = [
            ("item.1.norm.weight", vec![1, 4]),
            ("item.1.norm.bias", vec![4]),
            ("item.1.norm.moving.weight", vec![1, 4]),
            ("item.1.norm.moving.bias", vec![4]),
        ];
        assert_eq!(names, expected.map(|(name, shape)| (name.to_owned(), shape)));
    }
}
