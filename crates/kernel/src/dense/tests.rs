//! Every machine against the scalar twin, to the bit, on random shapes; the products against plain sums in f64.

use super::dot::dot_on;
use super::*;
use crate::machine::Machine;
use proptest::prelude::*;

/// Numbers from a seed (splitmix64), spread over signs and magnitudes.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The definition: one output at a time, k ascending.
fn twin(m: usize, x: &[f32], w: &[f32], bias: &[f32], n: usize) -> Vec<f32> {
    let k = x.len() / m;
    let mut out = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            out[i * n + j] = (0..k).fold(bias[j], |acc, p| x[i * k + p].mul_add(w[p * n + j], acc));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn every_machine_has_the_bits_of_the_definition(m in 1usize..40, k in 0usize..40, n in 1usize..70, seed: u64) {
        let (x, w, bias) = (numbers(m * k, seed), numbers(k * n, seed ^ 1), numbers(n, seed ^ 2));
        for activation in [Activation::Linear, Activation::Relu, Activation::Tanh] {
            let mut expected = twin(m, &x, &w, &bias, n);
            activation.apply(&mut expected);
            for machine in Machine::available() {
                let product = Product { m, n, depth: k, a: &x, row: k, step: 1, b: &w, init: Init::Bias(&bias), plus: None, activation };
                let mut out = vec![7.0; m * n];
                product.run_on(machine, &mut out);
                prop_assert_eq!(bits(&out), bits(&expected), "{:?}", machine);
            }
        }
    }

    #[test]
    fn what_is_added_comes_after_the_sum_and_before_the_activation(m in 1usize..40, k in 0usize..300, n in 1usize..140, seed: u64) {
        let (x, w, plus) = (numbers(m * k, seed), numbers(k * n, seed ^ 1), numbers(m * n, seed ^ 2));
        let sums = twin(m, &x, &w, &vec![0.0; n], n);
        for stride in [0, n] {
            let more = |at: usize| plus[at / n * stride + at % n];
            let mut expected: Vec<f32> = sums.iter().enumerate().map(|(at, sum)| sum + more(at)).collect();
            Activation::Relu.apply(&mut expected);
            for machine in Machine::available() {
                let (init, plus, activation) = (Init::Zero, Some((&plus[..], stride)), Activation::Relu);
                let product = Product { m, n, depth: k, a: &x, row: k, step: 1, b: &w, init, plus, activation };
                let mut out = vec![7.0; m * n];
                product.run_on(machine, &mut out);
                prop_assert_eq!(bits(&out), bits(&expected), "{:?}", machine);
            }
        }
    }

    #[test]
    fn an_a_read_across_has_the_same_bits(m in 1usize..40, k in 1usize..300, n in 2usize..140, seed: u64) {
        let (x, w) = (numbers(m * k, seed), numbers(k * n, seed ^ 1));
        let mut across = Vec::new();
        transpose(&x, k, &mut across);
        let expected = twin(m, &x, &w, &vec![0.0; n], n);
        for machine in Machine::available() {
            let (init, activation) = (Init::Keep, Activation::Linear);
            let product = Product { m, n, depth: k, a: &across, row: 1, step: m, b: &w, init, plus: None, activation };
            let mut out = vec![0.0; m * n];
            product.run_on(machine, &mut out);
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", machine);
        }
    }

    #[test]
    fn blocks_of_rows_have_the_bits_of_the_definition(m in 115usize..380, k in 0usize..280, n in 1usize..36, stride: bool, seed: u64) {
        let (x, w, plus) = (numbers(m * k, seed), numbers(k * n, seed ^ 1), numbers(m * n, seed ^ 2));
        let stride = if stride { n } else { 0 };
        let sums = twin(m, &x, &w, &vec![0.0; n], n);
        let mut expected: Vec<f32> = sums.iter().enumerate().map(|(at, sum)| sum + plus[at / n * stride + at % n]).collect();
        Activation::Relu.apply(&mut expected);
        let mut across = Vec::new();
        transpose(&x, k, &mut across);
        for machine in Machine::available() {
            for (a, row, step) in [(&x, k, 1), (&across, 1, m)] {
                for init in [Init::Zero, Init::Keep] {
                    let (plus, activation) = (Some((&plus[..], stride)), Activation::Relu);
                    let product = Product { m, n, depth: k, a, row, step, b: &w, init, plus, activation };
                    let mut out = vec![0.0; m * n];
                    product.run_on(machine, &mut out);
                    prop_assert_eq!(bits(&out), bits(&expected), "{:?}", machine);
                }
            }
        }
    }

    #[test]
    fn sums_are_the_same_on_every_machine(length in 0usize..200, seed: u64) {
        let (a, b) = (numbers(length, seed), numbers(length, seed ^ 1));
        for f in Activation::ALL {
            let expected: Vec<u32> = a.iter().zip(&b).map(|(a, b)| f.value(a + b).to_bits()).collect();
            for machine in Machine::available() {
                let mut out = vec![7.0; length];
                sum::sum_on(machine, &a, &b, f, &mut out);
                prop_assert_eq!(bits(&out), expected.clone(), "{:?}", machine);
            }
        }
    }

    #[test]
    fn f64_machines_agree_to_the_bit(m in 1usize..20, k in 0usize..40, n in 1usize..40, seed: u64) {
        let (x, w) = (wide(&numbers(m * k, seed)), wide(&numbers(k * n, seed ^ 1)));
        let results: Vec<Vec<u64>> = Machine::available().into_iter().map(|machine| {
            let product = Product { m, n, depth: k, a: &x, row: k, step: 1, b: &w, init: Init::Zero, plus: None, activation: Activation::Relu };
            let mut out = vec![0.0; m * n];
            product.run_on(machine, &mut out);
            out.iter().map(|v| v.to_bits()).collect()
        }).collect();
        for other in &results[1..] {
            prop_assert_eq!(&results[0], other);
        }
    }

    #[test]
    fn dots_agree_to_the_bit_and_with_a_plain_sum(length in 0usize..200, seed: u64) {
        let (x, y) = (numbers(length, seed), numbers(length, seed ^ 1));
        let exact: f64 = x.iter().zip(&y).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        for machine in Machine::available() {
            prop_assert_eq!(dot_on(machine, &x, &y).to_bits(), dot(&x, &y).to_bits());
            let (a, b) = (wide(&x), wide(&y));
            prop_assert_eq!(dot_on(machine, &a, &b).to_bits(), dot_on(Machine::Scalar, &a, &b).to_bits());
        }
        prop_assert!((f64::from(dot(&x, &y)) - exact).abs() < 1e-4);
    }

    #[test]
    fn a_batch_is_its_rows(m in 1usize..40, k in 1usize..40, n in 1usize..70, seed: u64) {
        let (x, w, bias) = (numbers(m * k, seed), numbers(k * n, seed ^ 1), numbers(n, seed ^ 2));
        let mut batch = vec![0.0; m * n];
        affine_batch(m, &x, &w, Some(&bias), Activation::Relu, &mut batch);
        for i in 0..m {
            let mut row = vec![0.0; n];
            affine(&x[i * k..(i + 1) * k], &w, Some(&bias), Activation::Relu, &mut row);
            prop_assert_eq!(bits(&row), bits(&batch[i * n..(i + 1) * n]));
        }
    }

    #[test]
    fn rows_of_a_wider_matrix_have_the_bits_of_their_copies(m in 1usize..200, k in 1usize..70, n in 2usize..70, beside in 0usize..9, seed: u64) {
        let (stride, f) = (k + beside, Activation::Relu);
        let (all, w, bias, g) = (numbers(m * stride, seed), numbers(k * n, seed ^ 1), numbers(n, seed ^ 2), numbers(m * n, seed ^ 3));
        let x: Vec<f32> = all.chunks(stride).flat_map(|row| row[beside..].to_vec()).collect();
        let (mut copied, mut there) = (vec![0.0; m * n], vec![1.0; m * n]);
        affine_batch(m, &x, &w, Some(&bias), f, &mut copied);
        affine_block(&all[beside..], (m, stride), &w, Some(&bias), f, &mut there);
        prop_assert_eq!(bits(&copied), bits(&there));
        let (mut copied, mut there) = (vec![0.5; k * n], vec![0.5; k * n]);
        weight_gradient(m, &x, &g, &mut copied);
        weight_gradient_block(&all[beside..], (m, stride), &g, &mut there);
        prop_assert_eq!(bits(&copied), bits(&there));
    }

    #[test]
    fn gradients_are_the_sums_they_claim(m in 1usize..70, k in 1usize..20, n in 1usize..40, seed: u64) {
        let (x, w, g) = (wide(&numbers(m * k, seed)), wide(&numbers(k * n, seed ^ 1)), wide(&numbers(m * n, seed ^ 2)));
        let (mut gx, mut gw, mut gb, mut scratch) = (vec![0.0; m * k], vec![9.0; k * n], vec![9.0; n], Vec::new());
        transpose(&w, n, &mut scratch);
        input_gradient(m, &g, &scratch, &mut gx);
        weight_gradient(m, &x, &g, &mut gw);
        bias_gradient(&g, &mut gb);
        for (at, value) in gx.iter().enumerate() {
            let exact: f64 = (0..n).map(|j| g[at / k * n + j] * w[at % k * n + j]).sum();
            prop_assert!((value - exact).abs() < 1e-12);
        }
        for (at, value) in gw.iter().enumerate() {
            let exact: f64 = (0..m).map(|i| x[i * k + at / n] * g[i * n + at % n]).sum();
            prop_assert!((value - 9.0 - exact).abs() < 1e-12);
        }
        for (j, value) in gb.iter().enumerate() {
            let exact: f64 = (0..m).map(|i| g[i * n + j]).sum();
            prop_assert!((value - 9.0 - exact).abs() < 1e-12);
        }
    }

    #[test]
    fn parts_of_a_batch_add_up_to_the_bits_of_the_whole(m in 2usize..200, cut in 1usize..200, k in 1usize..40, n in 1usize..40, seed: u64) {
        let cut = cut.min(m - 1);
        let (x, g) = (numbers(m * k, seed), numbers(m * n, seed ^ 1));
        let (mut whole, mut parts) = ((vec![0.0; k * n], vec![0.0; n]), (vec![0.0; k * n], vec![0.0; n]));
        weight_gradient(m, &x, &g, &mut whole.0);
        bias_gradient(&g, &mut whole.1);
        for (rows, x, g) in [(cut, &x[..cut * k], &g[..cut * n]), (m - cut, &x[cut * k..], &g[cut * n..])] {
            weight_gradient(rows, x, g, &mut parts.0);
            bias_gradient(g, &mut parts.1);
        }
        prop_assert_eq!(bits(&whole.0), bits(&parts.0));
        prop_assert_eq!(bits(&whole.1), bits(&parts.1));
    }
}

#[test]
fn long_depths_are_cut_without_changing_a_bit() {
    let (m, k, n) = (37, 700, 45);
    let (x, w, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
    let mut out = vec![0.0; m * n];
    affine_batch(m, &x, &w, Some(&bias), Activation::Linear, &mut out);
    assert_eq!(bits(&out), bits(&twin(m, &x, &w, &bias, n)));
}

#[test]
fn accumulate_adds_to_what_is_there() {
    let (x, w) = ([2.0f32, -1.0], [1.0f32, 2.0, 3.0, 4.0]);
    let mut out = [10.0, 20.0];
    accumulate(&x, &w, &mut out);
    assert_eq!(out, [9.0, 20.0]);
    let mut one = [1.0];
    accumulate(&x, &w[..2], &mut one);
    assert_eq!(one, [1.0]);
    accumulate(&[], &[], &mut out);
    assert_eq!(out, [9.0, 20.0]);
    let mut rows = [10.0, 20.0, -30.0, 5.0];
    accumulate_batch(2, &[2.0, -1.0, 0.0, 1.0], &w, Activation::Relu, &mut rows);
    assert_eq!(rows, [9.0, 20.0, 0.0, 9.0]);
}

#[test]
fn nan_goes_through_and_empty_batches_do_nothing() {
    let mut out = [0.0f32; 2];
    affine(&[f32::NAN], &[1.0, 0.0], None, Activation::Relu, &mut out);
    assert!(out.iter().all(|v| v.is_nan()));
    affine_batch::<f32>(0, &[], &[], None, Activation::Relu, &mut []);
    let mut gradient = [3.0f32];
    weight_gradient::<f32>(0, &[], &[], &mut gradient);
    assert_eq!(gradient, [3.0]);
}

#[test]
fn vectors_add_and_scale() {
    let mut y = [1.0f32, 2.0];
    axpy(2.0, &[10.0, 20.0], &mut y);
    add(&[1.0, 1.0], &mut y);
    scale(0.5, &mut y);
    assert_eq!(y, [11.0, 21.5]);
    let mut scores = [0.0f32; 2];
    dots(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0], &mut scores);
    assert_eq!(scores, [11.0, 17.0]);
}

#[test]
fn a_transpose_has_every_number_in_its_place() {
    for (rows, columns) in [
        (1, 1),
        (8, 8),
        (16, 32),
        (17, 24),
        (40, 17),
        (9, 3),
        (10, 128),
        (0, 5),
    ] {
        let matrix = numbers(rows * columns, 5);
        let mut out = vec![9.0];
        transpose(&matrix, columns, &mut out);
        assert_eq!(out.len(), rows * columns);
        for (at, value) in matrix.iter().enumerate() {
            assert_eq!(out[at % columns * rows + at / columns], *value);
        }
        let (exact, mut wider) = (wide(&out), Vec::new());
        transpose(&wide(&matrix), columns, &mut wider);
        assert_eq!(wider, exact);
        for machine in Machine::available() {
            let mut again = vec![9.0; out.len()];
            transpose_on(machine, &matrix, columns, &mut again);
            assert_eq!(again, out, "{machine:?}");
        }
    }
}
