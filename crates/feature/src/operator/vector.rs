//! `vector`: vectors as they are, their length, and how near two of them lie.
//!
//! A vector is a field, a feature of floats, or what a dictionary holds for a key; for a list of keys it is the mean of
//! theirs, which makes a user's vector out of a history. Sums run in order, in f64.

use super::element::keys;
use super::stream::Input;
use super::{Built, Class, Column, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "vector",
    version: 1,
    doc: Doc {
        what: "a vector, its length, or its nearness to another one",
        inputs: "one or two vectors: fields vector<n> or features of floats; with a dictionary, the last input is a key (int, \
                 string, list<int>, list<string>) and its vector the last vector",
        args: "str_args: of one vector `copy` (default), `unit` or `norm`; of two `dot` (default), `cosine` or `distance`; \
               `@dictionary.column` (a column of type vector<n>); `flag` (not with `copy`, `unit`) adds a float that is 1 \
               where there is no result",
        output: "`copy`, `unit`: n floats; else one (two with `flag`)",
        formula: "√Σx²; Σxy; Σxy / (|x| |y|); √Σ(x-y)². Of several keys: the mean of those found",
        missing: "0, also where a length to divide by is 0",
        examples: &[
            Example::of("a vector<2> = 3,4", "str_args = [\"norm\"]", "[5]"),
            Example::of(
                "a vector<2> = 3,4; b vector<2> = 1,0",
                "str_args = [\"cosine\"]",
                "[0.6]",
            ),
            Example::of("a vector<2> = 1,2; id int = 7", "str_args = [\"@items\"]", "[11]")
                .dictionary("items: int -> v vector<2>: 7 = 3,4"),
            Example::of("seen list<string> = x,y,z", "str_args = [\"@items\"]", "[2, 3]")
                .dictionary("items: string -> v vector<2>: x = 3,4; y = 1,2"),
        ],
    },
    depend: (1, 2),
    accepts: |input| {
        use FieldType::{Int, IntList, String, StringList, Vector};
        matches!(input, InputType::Unknown | InputType::Dense(_))
            || matches!(
                input,
                InputType::Field(Int | IntList | String | StringList | Vector(_))
            )
    },
    build,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Copy,
    Unit,
    Norm,
    Dot,
    Cosine,
    Distance,
}

/// Where a vector comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Input(usize),
    Dictionary(usize, Column),
}

fn build(setting: &mut Setting<'_>) -> Built {
    let column = setting.column();
    let sources: Vec<(Source, usize)> = (0..setting.inputs.len())
        .filter_map(|i| source(setting, i, column))
        .collect();
    let measure = if setting.inputs.len() == 2 {
        match setting.one_of(&["dot", "cosine", "distance"], true) {
            "cosine" => Measure::Cosine,
            "distance" => Measure::Distance,
            _ => Measure::Dot,
        }
    } else {
        match setting.one_of(&["copy", "unit", "norm"], true) {
            "norm" => Measure::Norm,
            "unit" => Measure::Unit,
            _ => Measure::Copy,
        }
    };
    if let [(_, a), (_, b)] = sources[..]
        && a != b
        && a * b > 0
    {
        setting.complain("depend", None, format!("vectors of {a} and of {b} floats"));
    }
    let width = sources.first().map_or(1, |source| source.1.max(1));
    let sources = [sources.first().map(|x| x.0), sources.get(1).map(|x| x.0)];
    if matches!(measure, Measure::Copy | Measure::Unit) {
        return Built::dense(
            width,
            Vector {
                sources,
                measure,
                width,
                flag: false,
            },
        );
    }
    let flag = setting.flag("flag");
    Built::dense(
        1 + usize::from(flag),
        Vector {
            sources,
            measure,
            width,
            flag,
        },
    )
}

/// An input as a source, and its width (0 when unknown).
fn source(setting: &mut Setting<'_>, i: usize, column: Option<Column>) -> Option<(Source, usize)> {
    let last = i + 1 == setting.inputs.len();
    match (setting.inputs[i], column) {
        (InputType::Field(FieldType::Vector(width)) | InputType::Dense(width), None) => {
            Some((Source::Input(i), width))
        }
        (InputType::Field(FieldType::Vector(width)) | InputType::Dense(width), Some(_)) if !last => {
            Some((Source::Input(i), width))
        }
        (InputType::Unknown, _) => None,
        (_, Some(column)) if last => {
            setting.check_key(column, i);
            let FieldType::Vector(width) = column.ty else {
                setting.complain("str_args", None, "expected a column of type vector<n>");
                return None;
            };
            Some((Source::Dictionary(i, column), width))
        }
        (input, _) => {
            let message = format!("expected a vector, got {}", input.describe());
            setting.complain("depend", Some(i), message);
            None
        }
    }
}

struct Vector {
    sources: [Option<Source>; 2],
    measure: Measure,
    width: usize,
    flag: bool,
}

impl Vector {
    /// Appends a vector to the buffer; false (and nothing appended) if it is missing.
    fn load(&self, source: Option<Source>, inputs: &Inputs<'_>, buffer: &mut Vec<f64>) -> bool {
        match source {
            Some(Source::Input(i)) => {
                let floats: &[f32] = match inputs.get(i) {
                    Input::Numbers(numbers) => numbers.unwrap_or(&[]),
                    Input::Field(value) => value.as_vector(),
                    Input::Signs(..) => &[],
                };
                buffer.extend(floats.iter().map(|x| f64::from(*x)));
                floats.len() == self.width
            }
            Some(Source::Dictionary(i, column)) => self.mean(i, column, inputs, buffer),
            None => false,
        }
    }

    /// The mean of the vectors of all keys that are found.
    fn mean(&self, i: usize, column: Column, inputs: &Inputs<'_>, buffer: &mut Vec<f64>) -> bool {
        let start = buffer.len();
        buffer.resize(start + self.width, 0.0);
        let mut found = 0u32;
        keys(inputs.value(i), column.key, |key, _| {
            let floats = inputs.look_vector(column.read, key);
            if floats.len() == self.width {
                found += 1;
                let sums = buffer[start..].iter_mut().zip(floats);
                sums.for_each(|(sum, x)| *sum += f64::from(*x));
            }
        });
        let count = f64::from(found);
        buffer[start..].iter_mut().for_each(|x| *x /= count);
        found > 0
    }

    fn measure(&self, a: &[f64], b: &[f64]) -> Option<f64> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        match self.measure {
            Measure::Dot => Some(dot(a, b)),
            Measure::Cosine => {
                let length = (dot(a, a) * dot(b, b)).sqrt();
                (length > 0.0).then(|| dot(a, b) / length)
            }
            Measure::Distance => Some(
                a.iter()
                    .zip(b)
                    .map(|(x, y)| (x - y) * (x - y))
                    .sum::<f64>()
                    .sqrt(),
            ),
            Measure::Norm | Measure::Unit | Measure::Copy => Some(dot(a, a).sqrt()),
        }
    }
}

impl Operator for Vector {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mut buffer = std::mem::take(&mut out.scratch.numbers);
        buffer.clear();
        let pair = matches!(self.measure, Measure::Dot | Measure::Cosine | Measure::Distance);
        let mut found = self.load(self.sources[0], inputs, &mut buffer);
        found = found && (!pair || self.load(self.sources[1], inputs, &mut buffer));
        let (a, b) = buffer.split_at(self.width.min(buffer.len()));
        let value = if found { self.measure(a, b) } else { None };
        match (self.measure, value) {
            (Measure::Copy, Some(_)) => a.iter().for_each(|x| out.number(Some(*x))),
            (Measure::Unit, Some(length)) if length > 0.0 => {
                a.iter().for_each(|x| out.number(Some(x / length)))
            }
            (Measure::Copy | Measure::Unit, _) => out.missing = true,
            _ => out.flagged(value, value.is_none(), self.flag),
        }
        out.scratch.numbers = buffer;
    }
}
