//! Dense loops, shared parameter rows, optimiser steps and the memory-mapped file.
//!
//! The bottom of the workspace: `model` serves with it, `train` learns with it, `index` searches with it. It knows
//! nothing of features, files' meaning or requests. It is the only crate that may say `unsafe`; every vector path
//! (AVX-512, AVX2 + FMA) has a scalar twin with the same order of operations, so the bits agree on every machine.
//!
//! ```
//! use rankine_kernel::{activation::Activation, dense};
//! let (x, w, b) = ([1.0f32, 2.0], [1.0f32, 0.0, 0.0, 1.0], [0.5f32, -9.0]);
//! let mut out = [0.0f32; 2];
//! dense::affine(&x, &w, Some(&b), Activation::Relu, &mut out);
//! assert_eq!(out, [1.5, 0.0]);
//! ```
#![expect(
    unsafe_code,
    reason = "the one crate that may: intrinsics, prefetch, mapped files, shared rows"
)]

pub mod activation;
pub mod cholesky;
pub mod codes;
pub mod dense;
mod error;
pub mod factor;
pub mod huge;
mod lanes;
pub mod logistic;
pub mod machine;
pub mod map;
pub mod optimiser;
mod real;
pub mod rows;
pub mod skipgram;
pub mod softmax;
pub mod sparse;
pub mod topn;

pub use error::KernelError;
pub use machine::Machine;
pub use real::Real;
