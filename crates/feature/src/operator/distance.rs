//! `distance`: how far two places lie apart, over the sphere.

use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "distance",
    version: 1,
    doc: Doc {
        what: "the great-circle distance of two places in kilometres",
        inputs: "four numbers: latitude and longitude of one place, then of the other, in degrees",
        args: "str_args: `flag` adds a float that is 1 where there is no result",
        output: "one float (two with `flag`)",
        formula: "haversine, 2 R asin √(sin²(Δlat/2) + cos lat1 cos lat2 sin²(Δlon/2)), R = 6371.0088 km; by libm",
        missing: "0, also outside -90..90 and -180..180",
        examples: &[Example::of(
            "a float = 52.52; b float = 13.405; c float = 48.8566; d float = 2.3522",
            "",
            "[877.46454]",
        )],
    },
    depend: (4, 4),
    accepts: |input| input.is_number(),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), Distance { flag })
}

struct Distance {
    flag: bool,
}

/// The mean radius of the earth in km (IUGG).
const RADIUS: f64 = 6371.0088;

/// Kilometres between two places; NaN outside the range.
pub(super) fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let inside = |lat: f64, lon: f64| (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
    if !(inside(lat1, lon1) && inside(lat2, lon2)) {
        return f64::NAN;
    }
    let square = |x: f64| libm::sin(x / 2.0) * libm::sin(x / 2.0);
    let (a, b) = (lat1.to_radians(), lat2.to_radians());
    let h = square(b - a) + libm::cos(a) * libm::cos(b) * square((lon2 - lon1).to_radians());
    2.0 * RADIUS * libm::asin(h.clamp(0.0, 1.0).sqrt())
}

impl Operator for Distance {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| inputs.number(i).unwrap_or(f64::NAN));
        let value = Some(haversine(a, b, c, d)).filter(|x| !x.is_nan());
        out.flagged(value, value.is_none(), self.flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        assert_eq!(haversine(10.0, 20.0, 10.0, 20.0), 0.0);
        let quarter = haversine(0.0, 0.0, 0.0, 90.0);
        assert!((quarter - RADIUS * std::f64::consts::FRAC_PI_2).abs() < 1e-9);
        let around = haversine(0.0, 179.0, 0.0, -179.0);
        assert!(
            (around - RADIUS * 2f64.to_radians()).abs() < 1e-9,
            "over the date line"
        );
        assert!(haversine(91.0, 0.0, 0.0, 0.0).is_nan());
    }
}
