//! `init`: what first weights are drawn from.
//!
//! ```text
//! glorot_uniform  U(−a, a), a = √(6 / (inputs + outputs))    Glorot and Bengio 2010
//! glorot_normal   N(0, 2 / (inputs + outputs))               the same
//! he_uniform      U(−a, a), a = √(6 / inputs)                He et al. 2015, arXiv:1502.01852
//! he_normal       N(0, 2 / inputs)                           the same
//! lecun_normal    N(0, 1 / inputs)                           LeCun et al. 1998, Efficient BackProp
//! uniform, normal U(−s, s), N(0, s²)                         s: the scale, 0.05 unless given
//! zeros           0
//! ```
//!
//! The scale multiplies what the first five draw, 1 unless given; nothing is cut off. A table is a dense layer over signs: its
//! inputs are its rows, its outputs the numbers of one. Decision: a plain number stays what it was, the scale of `normal`.

use super::{Checker, ModelConfig};
use rankine_config::Located;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The distributions a model file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InitName {
    /// By inputs and outputs, uniform.
    GlorotUniform,
    /// By inputs and outputs, normal.
    GlorotNormal,
    /// By inputs, for rectifiers, uniform.
    HeUniform,
    /// By inputs, for rectifiers, normal.
    HeNormal,
    /// By inputs, normal.
    LecunNormal,
    /// Uniform within the scale.
    Uniform,
    /// Normal, the scale its deviation.
    Normal,
    /// Nothing but zeros.
    Zeros,
}

/// What first weights are drawn from: a name, a name with its scale, or the scale of `normal` alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Init {
    /// The distribution.
    pub kind: InitName,
    /// What it is scaled by.
    pub scale: Option<f64>,
}

/// A distribution around 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Uniform, up to this on both sides.
    Uniform(f64),
    /// Normal of this deviation; 0 is nothing but zeros.
    Normal(f64),
}

impl Init {
    /// What dense layers draw from unless told otherwise.
    pub const GLOROT: Init = Init {
        kind: InitName::GlorotUniform,
        scale: None,
    };

    /// A normal distribution of this deviation.
    #[must_use]
    pub const fn normal(deviation: f64) -> Init {
        Init {
            kind: InitName::Normal,
            scale: Some(deviation),
        }
    }

    /// Returns what the weights of a layer, or of a table, of so many inputs and outputs are drawn from.
    #[must_use]
    pub fn spread(self, inputs: usize, outputs: usize) -> Spread {
        let of = |count: usize| count.max(1) as f64;
        let (both, gain) = (of(inputs + outputs), self.scale.unwrap_or(1.0));
        match self.kind {
            InitName::GlorotUniform => Spread::Uniform((6.0 / both).sqrt() * gain),
            InitName::GlorotNormal => Spread::Normal((2.0 / both).sqrt() * gain),
            InitName::HeUniform => Spread::Uniform((6.0 / of(inputs)).sqrt() * gain),
            InitName::HeNormal => Spread::Normal((2.0 / of(inputs)).sqrt() * gain),
            InitName::LecunNormal => Spread::Normal((1.0 / of(inputs)).sqrt() * gain),
            InitName::Uniform => Spread::Uniform(self.scale.unwrap_or(0.05)),
            InitName::Normal => Spread::Normal(self.scale.unwrap_or(0.05)),
            InitName::Zeros => Spread::Normal(0.0),
        }
    }
}

/// The form with a scale.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Scaled {
    kind: InitName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
}

impl Serialize for Init {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Init { kind, scale } = *self;
        match scale {
            Some(deviation) if kind == InitName::Normal => serializer.serialize_f64(deviation),
            None => kind.serialize(serializer),
            scale => Scaled { kind, scale }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Forms)
    }
}

/// Reads each of the three forms.
struct Forms;

impl<'de> Visitor<'de> for Forms {
    type Value = Init;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a name, or { kind, scale }")
    }

    fn visit_f64<E: Error>(self, deviation: f64) -> Result<Init, E> {
        Ok(Init::normal(deviation))
    }

    fn visit_i64<E: Error>(self, deviation: i64) -> Result<Init, E> {
        Ok(Init::normal(deviation as f64))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Init, E> {
        let name = serde::de::value::StrDeserializer::new(name);
        InitName::deserialize(name).map(|kind| Init { kind, scale: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Init, A::Error> {
        let Scaled { kind, scale } = Scaled::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Init { kind, scale })
    }
}

impl ModelConfig {
    /// Returns what the weights of dense layers are drawn from.
    #[must_use]
    pub fn init(&self) -> Init {
        self.init.as_ref().map_or(Init::GLOROT, |init| init.value)
    }
}

impl Checker<'_> {
    /// Scales are numbers from 0, and zeros have none.
    pub(super) fn initials(&mut self) {
        let config = self.config;
        let tables = config.embedding.iter().map(|e| &e.init);
        let tables = tables.chain(config.gmf.iter().map(|g| &g.init));
        for init in tables.chain([&config.init]).flatten() {
            let Some(scale) = init.value.scale else {
                continue;
            };
            if init.value.kind == InitName::Zeros {
                self.fault(init, "init", "`zeros` has no `scale`");
            }
            let scale = Located {
                value: scale,
                span: init.span.clone(),
            };
            self.within(&scale, "init", (0.0, 1e6));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(init: &str) -> Result<ModelConfig, String> {
        let text = format!(
            "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ninit = {init}\n\
             embedding = [{{ slots = [1], table = \"t\", dim = 2, init = {init} }}]\n"
        );
        ModelConfig::parse(&text, "m.toml").map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_number_a_name_and_a_name_with_a_scale_are_read_and_written() {
        let forms = [
            ("0.2", Init::normal(0.2), "init = 0.2"),
            ("1", Init::normal(1.0), "init = 1.0"),
            (
                "\"he_normal\"",
                Init {
                    kind: InitName::HeNormal,
                    scale: None,
                },
                "init = \"he_normal\"",
            ),
            (
                "{ kind = \"glorot_uniform\", scale = 0.5 }",
                Init {
                    kind: InitName::GlorotUniform,
                    scale: Some(0.5),
                },
                "kind = \"glorot_uniform\", scale = 0.5",
            ),
        ];
        for (text, expected, written) in forms {
            let config = read(text).unwrap();
            assert_eq!(config.init(), expected);
            assert_eq!(config.embedding[0].init.as_ref().unwrap().value, expected);
            let printed = config.effective();
            let again = ModelConfig::parse(&printed, "m.toml").unwrap();
            assert_eq!(
                (again.init(), again.embedding[0].init.as_ref().unwrap().value),
                (expected, expected)
            );
            assert!(
                printed.contains(written) || text.starts_with(['0', '1', '{']),
                "{printed}"
            );
        }
        let plain = "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = { slots = [1] }\n";
        assert_eq!(ModelConfig::parse(plain, "m.toml").unwrap().init(), Init::GLOROT);
    }

    #[test]
    fn what_is_no_distribution_is_told_with_its_line_and_the_nearest() {
        let typo = read("\"he_norml\"").unwrap_err();
        assert!(
            typo.contains("m.toml:4:8") && typo.contains("did you mean `he_normal`?"),
            "{typo}"
        );
        let key = read("{ kind = \"normal\", scal = 1.0 }").unwrap_err();
        assert!(key.contains("did you mean `scale`?"), "{key}");
        assert!(
            read("{ kind = \"zeros\", scale = 1.0 }")
                .unwrap_err()
                .contains("`zeros` has no `scale`")
        );
        assert!(
            read("-0.5")
                .unwrap_err()
                .contains("`init` is -0.5, expected 0 to 1000000")
        );
        assert!(
            read("true")
                .unwrap_err()
                .contains("a number, a name, or { kind, scale }")
        );
    }

    #[test]
    fn formulas_are_those_of_the_papers() {
        let of = |kind, scale| Init { kind, scale }.spread(50, 30);
        let cases = [
            (
                of(InitName::GlorotUniform, None),
                Spread::Uniform((6.0f64 / 80.0).sqrt()),
            ),
            (
                of(InitName::GlorotNormal, Some(2.0)),
                Spread::Normal((2.0f64 / 80.0).sqrt() * 2.0),
            ),
            (
                of(InitName::HeUniform, None),
                Spread::Uniform((6.0f64 / 50.0).sqrt()),
            ),
            (of(InitName::HeNormal, None), Spread::Normal(0.2)),
            (
                of(InitName::LecunNormal, None),
                Spread::Normal((1.0f64 / 50.0).sqrt()),
            ),
            (of(InitName::Uniform, Some(0.1)), Spread::Uniform(0.1)),
            (of(InitName::Normal, None), Spread::Normal(0.05)),
            (of(InitName::Zeros, None), Spread::Normal(0.0)),
        ];
        for (got, expected) in cases {
            assert_eq!(got, expected);
        }
        assert!(matches!(Init::GLOROT.spread(0, 0), Spread::Uniform(limit) if limit.is_finite()));
    }
}
