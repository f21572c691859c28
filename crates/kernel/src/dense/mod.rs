//! Dense products. Serving: [`affine`], [`accumulate`], [`dot()`]; training: the batch forms and the two gradients.
//!
//! All matrices are row-major; a weight matrix is inputs × outputs, `w[k][j]`. A layer with one output is a dot product
//! (sixteen virtual lanes), every other output is summed over k ascending: a batch of N gives the bits of N single rows.

mod dot;
mod product;
mod square;
mod sum;
#[cfg(test)]
mod tests;

use crate::activation::Activation;
use crate::machine::Machine;
use crate::real::Real;
pub(crate) use dot::dot_on;
pub use dot::{dot, dots};
use product::Init;
pub(crate) use product::{Product, product_on};
pub(crate) use square::transpose_on;
pub use sum::sum;

/// `out = f(x·w + bias)` for one row: x is k, w is k × n, out and bias are n.
///
/// # Panics
/// If `w` or `bias` is shorter than that.
pub fn affine<T: Real>(x: &[T], w: &[T], bias: Option<&[T]>, f: Activation, out: &mut [T]) {
    affine_batch(1, x, w, bias, f, out);
}

/// `out = f(x·w + bias)` for `rows` rows: x is rows × k, w is k × n, out is rows × n, bias is n.
///
/// # Panics
/// If `w` or `bias` is shorter than that.
pub fn affine_batch<T: Real>(
    rows: usize,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    f: Activation,
    out: &mut [T],
) {
    if rows == 0 {
        return;
    }
    let (depth, n) = (x.len() / rows, out.len() / rows);
    if n == 1 {
        let start = bias.map_or(T::ZERO, |b| b[0]);
        for (r, out) in out.iter_mut().enumerate() {
            *out = f.value(start + dot(&x[r * depth..(r + 1) * depth], &w[..depth]));
        }
        return;
    }
    affine_block(x, (rows, depth), &w[..depth * n], bias, f, out);
}

/// [`affine_batch`] of rows of a wider matrix, the same bits: row r of x begins at `x[r * stride]`; w is depth × n, out is rows × n, n
/// more than 1.
///
/// # Panics
/// If `x` does not hold that many rows of `depth` numbers, or `w` or `bias` is shorter than that.
pub fn affine_block<T: Real>(
    x: &[T],
    (rows, stride): (usize, usize),
    w: &[T],
    bias: Option<&[T]>,
    f: Activation,
    out: &mut [T],
) {
    if rows == 0 || out.is_empty() {
        return;
    }
    let n = out.len() / rows;
    Product {
        m: rows,
        n,
        depth: w.len() / n,
        a: x,
        row: stride,
        step: 1,
        b: w,
        init: bias.map_or(Init::Zero, Init::Bias),
        plus: None,
        activation: f,
    }
    .run(out);
}

/// `out = f(x·w + plus)` for `rows` rows: x is rows × k, w is k × n, out is rows × n; plus is n, or rows × n. It comes
/// after the sums, so that the bits are those of a product of its own that is added.
///
/// # Panics
/// If `w` is shorter than that, or `plus` has neither length.
pub fn affine_plus<T: Real>(rows: usize, x: &[T], w: &[T], plus: &[T], f: Activation, out: &mut [T]) {
    if rows == 0 {
        return;
    }
    let (depth, n) = (x.len() / rows, out.len() / rows);
    assert!(
        plus.len() == n || plus.len() == out.len(),
        "{} numbers to add to {rows} rows of {n}",
        plus.len()
    );
    Product {
        m: rows,
        n,
        depth,
        a: x,
        row: depth,
        step: 1,
        b: w,
        init: Init::Zero,
        plus: Some((plus, if plus.len() == n { 0 } else { n })),
        activation: f,
    }
    .run(out);
}

/// `out += x·w` for one row: x is k, w is k × n, out is n.
///
/// # Panics
/// If `w` is shorter than that.
pub fn accumulate<T: Real>(x: &[T], w: &[T], out: &mut [T]) {
    let (depth, n) = (x.len(), out.len());
    if n == 1 {
        out[0] += dot(x, &w[..depth]);
        return;
    }
    let activation = Activation::Linear;
    Product {
        m: 1,
        n,
        depth,
        a: x,
        row: depth,
        step: 1,
        b: w,
        init: Init::Keep,
        plus: None,
        activation,
    }
    .run(out);
}

/// `out = f(out + x·w)` for `rows` rows: x is rows × k, w is k × n, out is rows × n.
///
/// # Panics
/// If `w` is shorter than that.
pub fn accumulate_batch<T: Real>(rows: usize, x: &[T], w: &[T], f: Activation, out: &mut [T]) {
    if rows == 0 {
        return;
    }
    Product {
        m: rows,
        n: out.len() / rows,
        depth: x.len() / rows,
        a: x,
        row: x.len() / rows,
        step: 1,
        b: w,
        init: Init::Keep,
        plus: None,
        activation: f,
    }
    .run(out);
}

/// `out += x·w` for `rows` rows of a wider matrix: row r of x begins at `x[r * stride]`; w is depth × n, out is rows × n.
///
/// # Panics
/// If `x` does not hold that many rows of `depth` numbers or `out` is not a multiple of `rows`.
pub fn accumulate_block<T: Real>(x: &[T], (rows, stride): (usize, usize), w: &[T], out: &mut [T]) {
    if rows == 0 || out.is_empty() {
        return;
    }
    let n = out.len() / rows;
    Product {
        m: rows,
        n,
        depth: w.len() / n,
        a: x,
        row: stride,
        step: 1,
        b: w,
        init: Init::Keep,
        plus: None,
        activation: Activation::Linear,
    }
    .run(out);
}

/// `out = g·wᵀ`: the gradient with respect to a layer's input. g is rows × n, `transposed` is wᵀ (see [`transpose`]),
/// n × k; out is rows × k.
///
/// # Panics
/// If `transposed` is shorter than that.
pub fn input_gradient<T: Real>(rows: usize, g: &[T], transposed: &[T], out: &mut [T]) {
    if rows == 0 {
        return;
    }
    let (n, k) = (g.len() / rows, out.len() / rows);
    let activation = Activation::Linear;
    Product {
        m: rows,
        n: k,
        depth: n,
        a: g,
        row: n,
        step: 1,
        b: transposed,
        init: Init::Zero,
        plus: None,
        activation,
    }
    .run(out);
}

/// `out += xᵀ·g`: the gradient with respect to a layer's weights, summed over the rows. x is rows × k, g is rows × n,
/// out is k × n. Parts of a batch, one after another, give the bits of the whole.
///
/// # Panics
/// If `out` is shorter than that.
pub fn weight_gradient<T: Real>(rows: usize, x: &[T], g: &[T], out: &mut [T]) {
    if rows == 0 {
        return;
    }
    let (k, n) = (x.len() / rows, g.len() / rows);
    if n != 1 {
        return weight_gradient_block(x, (rows, k), g, &mut out[..k * n]);
    }
    Product {
        m: 1,
        n: k,
        depth: rows,
        a: g,
        row: rows,
        step: 1,
        b: x,
        init: Init::Keep,
        plus: None,
        activation: Activation::Linear,
    }
    .run(out);
}

/// [`weight_gradient`] of rows of a wider matrix, the same bits: row r of x begins at `x[r * stride]`; g is rows × n, n more than 1, out is
/// k × n.
///
/// # Panics
/// If `x` does not hold that many rows of `k` numbers.
pub fn weight_gradient_block<T: Real>(x: &[T], (rows, stride): (usize, usize), g: &[T], out: &mut [T]) {
    if rows == 0 || g.is_empty() {
        return;
    }
    let n = g.len() / rows;
    Product {
        m: out.len() / n,
        n,
        depth: rows,
        a: x,
        row: 1,
        step: stride,
        b: g,
        init: Init::Keep,
        plus: None,
        activation: Activation::Linear,
    }
    .run(out);
}

/// `out[j] += Σ_r g[r][j]`: the gradient with respect to a layer's bias. g is rows × `out.len()`.
pub fn bias_gradient<T: Real>(g: &[T], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    let (n, depth) = (out.len(), g.len() / out.len());
    let (init, activation) = (Init::Keep, Activation::Linear);
    // One row of ones, which a step of zero makes of a single one: the product's registers hold the sums.
    Product {
        m: 1,
        n,
        depth,
        a: &[T::ONE],
        row: 0,
        step: 0,
        b: g,
        init,
        plus: None,
        activation,
    }
    .run(out);
}

/// Writes the transpose of a matrix of `columns` columns into `out`, which takes its size.
pub fn transpose<T: Real>(matrix: &[T], columns: usize, out: &mut Vec<T>) {
    let rows = matrix.len().checked_div(columns).unwrap_or(0);
    out.resize(rows * columns, T::ZERO);
    T::transpose(Machine::detect(), &matrix[..rows * columns], columns, out);
}

/// `y += a·x`, product and sum rounded separately.
#[inline]
pub fn axpy<T: Real>(a: T, x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * *x;
    }
}

/// `y += x`.
#[inline]
pub fn add<T: Real>(x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += *x;
    }
}

/// `x *= a`.
#[inline]
pub fn scale<T: Real>(a: T, x: &mut [T]) {
    for x in x.iter_mut() {
        *x *= a;
    }
}
