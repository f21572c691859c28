//! TensorFlow Serving REST.
