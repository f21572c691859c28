//! Layers, models, serving forward, parameters, artefact format.
