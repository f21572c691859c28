//! `geohash`: a place as the cell of a grid (Niemeyer's geohash).

use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "geohash",
    version: 1,
    doc: Doc {
        what: "the geohash cell of a place",
        inputs: "two numbers: latitude (-90..90), longitude (-180..180), in degrees",
        args: "args: how many characters (1..12, default 6: about 1.2 × 0.6 km)",
        output: "one sign of weight 1, of the cell's name",
        formula: "longitude and latitude halved in turn, five bits a character",
        missing: "no sign, nor outside the range",
        examples: &[
            Example::of(
                "lat float = 57.64911; lon float = 10.40744",
                "args = [11]",
                "{text u4pruydqqvj}",
            ),
            Example::of("lat float = 42.6; lon float = -5.6", "args = [5]", "{text ezs42}"),
        ],
    },
    depend: (2, 2),
    accepts: |input| input.is_number(),
    build: |setting: &mut Setting<'_>| {
        Built::sparse(Geohash {
            length: setting.count("how many characters", 1..=12, Some(6)),
        })
    },
};

struct Geohash {
    length: usize,
}

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

impl Operator for Geohash {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let (Some(lat), Some(lon)) = (inputs.number(0), inputs.number(1)) else {
            return;
        };
        if !((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)) {
            return;
        }
        let mut cell = [0; 12];
        let name = &mut cell[..self.length];
        fill(lat, lon, name);
        if let Ok(name) = std::str::from_utf8(name) {
            out.text(name, 1.0);
        }
    }
}

fn fill(lat: f64, lon: f64, name: &mut [u8]) {
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let mut axis = 0;
    for letter in name {
        let mut bits = 0;
        for _ in 0..5 {
            let ((low, high), x) = (ranges[axis], [lon, lat][axis]);
            let middle = (low + high) / 2.0;
            let upper = x >= middle;
            ranges[axis] = if upper { (middle, high) } else { (low, middle) };
            bits = bits * 2 + usize::from(upper);
            axis = 1 - axis;
        }
        *letter = ALPHABET[bits];
    }
}
