//! `Descent`: limited-memory BFGS on a function of many numbers, for linear models that learn from all samples at once.
//!
//! `x ← x − t·H·g`, H built from the last ten steps and changes of the gradient (Liu and Nocedal 1989); t is the first of 1, ½, ¼, …
//! that lessens the function enough (Armijo 1966). Decision: everything is f64 and in one order, so that a run ends where
//! the gradient is zero up to rounding, whatever the order, number or weight of the samples that sum to the same function.

use std::collections::VecDeque;

use crate::checkpoint::tape::Tape;

/// Steps remembered.
const MEMORY: usize = 10;
/// Halvings of a step before there is no way down.
const HALVINGS: usize = 40;
/// Share of the promised decrease that is asked for.
const ENOUGH: f64 = 1e-4;
/// Differences of the function below this share of it are rounding.
const ROUNDING: f64 = 1e-14;
/// The largest slope of a flat place.
const FLAT: f64 = 1e-10;

/// What a function is at a place: fills the gradient, returns the value.
pub(super) type Measure<'a, E> = dyn FnMut(&[f64], &mut [f64]) -> Result<f64, E> + 'a;

/// A step and how the gradient changed by it.
#[derive(Default)]
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// A way down.
#[derive(Default)]
pub(super) struct Descent {
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    pairs: VecDeque<Pair>,
}

impl Descent {
    /// Begins at a place.
    pub(super) fn new<E>(at: Vec<f64>, measure: &mut Measure<'_, E>) -> Result<Descent, E> {
        let mut gradient = vec![0.0; at.len()];
        let value = measure(&at, &mut gradient)?;
        let pairs = VecDeque::new();
        Ok(Descent {
            at,
            value,
            gradient,
            pairs,
        })
    }

    /// Writes it or reads it back.
    pub(super) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.list(&mut self.at, Tape::real);
        tape.real(&mut self.value);
        tape.list(&mut self.gradient, Tape::real);
        let mut pairs = Vec::from(std::mem::take(&mut self.pairs));
        tape.list(&mut pairs, |tape, pair: &mut Pair| {
            tape.list(&mut pair.step, Tape::real);
            tape.list(&mut pair.change, Tape::real);
            tape.real(&mut pair.product);
        });
        self.pairs = pairs.into();
    }

    /// Whether it, and all it remembers, is over so many numbers.
    pub(super) fn is_over(&self, count: usize) -> bool {
        let pairs = self.pairs.iter().flat_map(|pair| [&pair.step, &pair.change]);
        let mut all = pairs.chain([&self.at, &self.gradient]);
        all.all(|numbers| numbers.len() == count)
    }

    /// Where the descent is.
    pub(super) fn at(&self) -> &[f64] {
        &self.at
    }

    /// Goes one step down; false where there is none.
    pub(super) fn step<E>(&mut self, measure: &mut Measure<'_, E>) -> Result<bool, E> {
        if self.gradient.iter().all(|g| g.abs() <= FLAT) {
            return Ok(false);
        }
        let (mut direction, mut slope) = self.downhill();
        if slope >= 0.0 {
            // Rounding has spoilt what is remembered.
            self.pairs.clear();
            (direction, slope) = self.downhill();
        }
        let mut length = match self.pairs.is_empty() {
            true => dot(&direction, &direction).sqrt().recip(),
            false => 1.0,
        };
        let mut gradient = vec![0.0; self.at.len()];
        for _ in 0..HALVINGS {
            let moved = self.at.iter().zip(&direction).map(|(x, d)| x + length * d);
            let there: Vec<f64> = moved.collect();
            let value = measure(&there, &mut gradient)?;
            if value <= self.value + ENOUGH * length * slope + ROUNDING * self.value.abs() {
                self.arrive(there, value, gradient);
                return Ok(true);
            }
            length /= 2.0;
        }
        Ok(false)
    }

    /// The direction and the slope along it.
    fn downhill(&self) -> (Vec<f64>, f64) {
        let direction = self.direction();
        let slope = dot(&direction, &self.gradient);
        (direction, slope)
    }

    /// −H·g by the two loops over what is remembered.
    fn direction(&self) -> Vec<f64> {
        let mut d: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &d) / pair.product;
            add(&mut d, -share, &pair.change);
            shares.push(share);
        }
        if let Some(last) = self.pairs.back() {
            let scale = last.product / dot(&last.change, &last.change);
            d.iter_mut().for_each(|d| *d *= scale);
        }
        for (pair, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let back = dot(&pair.change, &d) / pair.product;
            add(&mut d, share - back, &pair.step);
        }
        d
    }

    /// Takes a new place, and remembers the step where the function curves upwards along it.
    fn arrive(&mut self, there: Vec<f64>, value: f64, gradient: Vec<f64>) {
        let less = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let (step, change) = (less(&there, &self.at), less(&gradient, &self.gradient));
        let product = dot(&step, &change);
        if product > f64::MIN_POSITIVE {
            self.pairs.push_back(Pair {
                step,
                change,
                product,
            });
        }
        if self.pairs.len() > MEMORY {
            self.pairs.pop_front();
        }
        (self.at, self.value, self.gradient) = (there, value, gradient);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    to.iter_mut().zip(of).for_each(|(to, x)| *to += factor * x);
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Σ cᵢ(xᵢ − i)² with c from 1 to 100, and a quartic term that bends it.
    fn bowl(at: &[f64], gradient: &mut [f64]) -> Result<f64, Infallible> {
        let mut value = 0.0;
        for (i, (x, g)) in at.iter().zip(gradient).enumerate() {
            let (c, d) = ([1.0, 10.0, 100.0][i % 3], x - i as f64);
            value += c * d * d + d.powi(4);
            *g = 2.0 * c * d + 4.0 * d.powi(3);
        }
        Ok(value)
    }

    #[test]
    fn the_bottom_is_found_and_stayed_at() {
        let mut descent = Descent::new(vec![0.0; 12], &mut bowl).unwrap();
        let mut steps = 0;
        while descent.step(&mut bowl).unwrap() {
            steps += 1;
            assert!(steps < 200);
        }
        for (i, x) in descent.at().iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-9, "{i}: {x}");
        }
        assert!(!descent.step(&mut bowl).unwrap());
    }

    #[test]
    fn a_descent_put_down_goes_on_to_the_same_bits() {
        let mut descent = Descent::new(vec![0.5; 12], &mut bowl).unwrap();
        for _ in 0..4 {
            descent.step(&mut bowl).unwrap();
        }
        let mut bytes = Vec::new();
        descent.exchange(&mut Tape::out(&mut bytes));
        let (mut other, mut from) = (Descent::default(), bytes.as_slice());
        let mut tape = Tape::back(&mut from);
        other.exchange(&mut tape);
        tape.end().unwrap();
        while descent.step(&mut bowl).unwrap() {
            other.step(&mut bowl).unwrap();
        }
        let bits = |d: &Descent| d.at().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&descent), bits(&other));
    }

    #[test]
    fn a_fault_of_the_function_is_told() {
        let mut failing = |_: &[f64], _: &mut [f64]| Err("lost");
        assert_eq!(Descent::new(vec![0.0], &mut failing).err(), Some("lost"));
    }
}
