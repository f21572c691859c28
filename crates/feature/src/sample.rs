//! One sample's values, filled from a text line or a JSON object, in memory that is reused.
//!
//! For callers that hand rows over one at a time: the C interface, one sample to be explained. Fields are found by their
//! place in the all-order (lines) or by name (objects). Decision: a row that does not fit leaves an error that names the
//! field; what was filled before stays until the next row, nobody extracts from it.

use crate::{FeatureError, Field, Rows, Schema, Side, Value, json, text};
use serde_json::{Map, Value as Json};

/// A row of every side.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Per field of the all-order: where it goes.
    places: Vec<(Side, usize)>,
    fields: Vec<Field>,
    sides: [Vec<Value>; 3],
}

impl Sample {
    /// A sample in which everything is missing.
    #[must_use]
    pub fn new(schema: &Schema) -> Sample {
        let place = |field: &Field| schema.find(&field.name).unwrap_or((field.side, 0));
        Sample {
            places: schema.all().iter().map(place).collect(),
            fields: schema.all().to_vec(),
            sides: Side::ALL.map(|side| vec![Value::Missing; schema.side(side).len()]),
        }
    }

    /// Fills it from a tab-separated line of all fields in the all-order, in the text form.
    ///
    /// # Errors
    /// `FeatureError::Cells` for another number of cells, `FeatureError::Field` for a cell that does not fit.
    pub fn line(&mut self, line: &str) -> Result<(), FeatureError> {
        let (expected, got) = (self.fields.len(), line.split('\t').count());
        if expected != got {
            return Err(FeatureError::Cells { expected, got });
        }
        let cells = line.split('\t');
        self.fill(cells, |field, cell| text::parse(field.ty, cell))
    }

    /// Fills it from an object of fields by name; what is not there is missing, what is no field is not read.
    ///
    /// # Errors
    /// `FeatureError::Field` for a value that does not fit.
    pub fn json(&mut self, object: &Map<String, Json>) -> Result<(), FeatureError> {
        let fields = self.fields.clone();
        let values = fields
            .iter()
            .map(|field| object.get(&*field.name).unwrap_or(&Json::Null));
        self.fill(values, |field, value| json::parse(field.ty, value))
    }

    /// Fills it with a value of each field.
    pub fn set(&mut self, value: impl Fn(&Field) -> Value) {
        for (field, (side, at)) in self.fields.iter().zip(&self.places) {
            self.sides[*side as usize][*at] = value(field);
        }
    }

    /// The sample as extraction takes it.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        let [user, item, context] = &self.sides;
        Rows { user, item, context }
    }

    /// Every field with its value, in the all-order.
    pub fn values(&self) -> impl Iterator<Item = (&Field, &Value)> {
        let value = |(side, at): &(Side, usize)| &self.sides[*side as usize][*at];
        self.fields.iter().zip(self.places.iter().map(value))
    }

    /// Appends the text line that [`Sample::line`] reads, without line end.
    pub fn print(&self, out: &mut String) {
        for (i, (_, value)) in self.values().enumerate() {
            if i > 0 {
                out.push('\t');
            }
            text::print(value, out);
        }
    }

    fn fill<C>(
        &mut self,
        cells: impl Iterator<Item = C>,
        read: impl Fn(&Field, C) -> Result<Value, FeatureError>,
    ) -> Result<(), FeatureError> {
        for ((field, (side, at)), cell) in self.fields.iter().zip(&self.places).zip(cells) {
            let value = read(field, cell).map_err(|error| FeatureError::Field {
                field: field.name.to_string(),
                reason: error.to_string(),
            })?;
            self.sides[*side as usize][*at] = value;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use proptest::prelude::*;

    fn sample() -> Sample {
        let conf = "format = 1\nname = \"s\"\nschema.user = [{ name = \"u\", type = \"int\" }]\n\
            schema.item = [{ name = \"tags\", type = \"map<string,float>\" }, { name = \"x\", type = \"float\" }]\n\
            schema.all = [\"x\", \"u\", \"tags\"]\n\
            feature = [{ name = \"f\", class = \"id\", slot = 1, depend = [\"u\"] }]";
        Sample::new(Plan::compile(conf, "s.toml", None).unwrap().schema())
    }

    #[test]
    fn lines_are_in_the_all_order_and_objects_by_name() {
        let (mut a, mut b) = (sample(), sample());
        a.line("0.5\t5.0\tred:2").unwrap();
        let object = serde_json::json!({ "u": 5, "tags": { "red": 2 }, "x": "0.5", "other": [] });
        b.json(object.as_object().unwrap()).unwrap();
        assert_eq!(a.rows().user, [Value::Int(5)]);
        assert_eq!(a.rows().item, b.rows().item);
        let mut line = String::new();
        b.print(&mut line);
        assert_eq!(line, "0.5\t5\tred:2");
        b.json(&Map::new()).unwrap();
        assert!(b.values().all(|(_, value)| value.is_missing()));
    }

    #[test]
    fn errors_name_the_field() {
        let error = |line| sample().line(line).unwrap_err().to_string();
        assert_eq!(error("1\t2"), "expected 3 cells, got 2");
        assert_eq!(error("1\tx\t\\N"), "field `u`: expected int, got `x`");
    }

    proptest! {
        #[test]
        fn any_line_is_a_sample_or_an_error(line in "[0-9a\\\\N\t,:.\u{e9}-]{0,40}") {
            let mut sample = sample();
            if sample.line(&line).is_ok() {
                let (mut printed, mut again) = (String::new(), sample.clone());
                sample.print(&mut printed);
                again.line(&printed).unwrap();
                prop_assert_eq!(again.rows().user, sample.rows().user);
                prop_assert_eq!(again.rows().item, sample.rows().item);
            }
        }
    }
}
