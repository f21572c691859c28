//! What the demo trains, compiled into the binary: the conf and the model files of `config/`.
//!
//! The files are the ones a person copies and changes; the binary carries them so that one file is enough to run.

/// A file of `config/` inside the binary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundled {
    /// Path in the repository.
    pub(crate) file: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

macro_rules! bundled {
    ($file:literal) => {
        Bundled {
            file: concat!("config/", $file),
            text: include_str!(concat!("../../../config/", $file)),
        }
    };
}

/// The conf of the demo.
pub(crate) const CONF: Bundled = bundled!("movielens.feature.toml");

/// Rankers of the demo, by the name they are published under.
pub(crate) const RANKERS: [(&str, Bundled); 3] = [
    ("embeddingmlp", bundled!("models/embeddingmlp.toml")),
    ("widedeep", bundled!("models/widedeep.toml")),
    ("neuralcf", bundled!("models/neuralcf.toml")),
];

/// Vectors of the demo: name and model file.
pub(crate) const VECTORS: (&str, Bundled) = ("item2vec", bundled!("models/item2vec.toml"));

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::Plan;
    use rankine_model::{ModelConfig, Network, SentenceEvents};

    #[test]
    fn every_bundled_model_fits_the_bundled_conf() {
        let plan = Plan::compile(CONF.text, CONF.file, None).unwrap();
        let others = [
            ("deepfm", bundled!("models/deepfm.toml")),
            ("lr", bundled!("models/lr.toml")),
            ("fm", bundled!("models/fm.toml")),
            ("ffm", bundled!("models/ffm.toml")),
            ("dssm", bundled!("models/dssm.toml")),
        ];
        for (name, model) in RANKERS.into_iter().chain(others) {
            let config = ModelConfig::parse(model.text, model.file).unwrap();
            assert_eq!(config.kind().name(), name);
            assert_eq!(config.conf.as_deref(), Some(plan.name()));
            Network::compile(&config, &plan).unwrap();
        }
        let vectors = ModelConfig::parse(VECTORS.1.text, VECTORS.1.file).unwrap();
        assert_eq!(vectors.kind().name(), "item2vec");
        assert_eq!(vectors.conf.as_deref(), Some(plan.name()));
        assert_eq!(vectors.item2vec.events, SentenceEvents::Train);
    }
}
