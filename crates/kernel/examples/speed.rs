//! temporary
use rankine_kernel::{activation::Activation, dense};
use std::time::Instant;
fn main() {
    for (m, k, n) in [
        (1024, 128, 128),
        (1024, 64, 32),
        (128, 210, 128),
        (1024, 200, 10),
        (1, 128, 128),
        (64, 128, 128),
    ] {
        let x = vec![0.5f32; m * k];
        let w = vec![0.25f32; k * n];
        let b = vec![0.1; n];
        let mut o = vec![0.0; m * n];
        let g = vec![0.3f32; m * n];
        let mut gw = vec![0.0; k * n];
        let mut gx = vec![0.0; m * k];
        let mut t = vec![];
        let reps = (2_000_000_000usize / (m * k * n)).max(1);
        let time = |f: &mut dyn FnMut()| {
            let mut best = 0f64;
            for _ in 0..7 {
                let s = Instant::now();
                for _ in 0..reps / 7 + 1 {
                    f()
                }
                best = best.max(2.0 * (m * k * n * (reps / 7 + 1)) as f64 / s.elapsed().as_secs_f64() / 1e9);
            }
            best
        };
        let a = time(&mut || dense::affine_batch(m, &x, &w, Some(&b), Activation::Relu, &mut o));
        let c = time(&mut || dense::weight_gradient(m, &x, &g, &mut gw));
        let d = time(&mut || dense::input_gradient(m, &g, &w, &mut t, &mut gx));
        println!("{m}x{k}x{n}: forward {a:.0} weight {c:.0} input {d:.0} GFLOP/s");
    }
}
