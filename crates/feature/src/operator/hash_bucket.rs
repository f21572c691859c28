//! `hash_bucket`: categories folded into a fixed number of buckets.
//!
//! `farmhash64` gives the buckets of TensorFlow's `string_to_hash_bucket_fast`, so that a model trained there keeps its
//! rows; `xxh3` is for everything new.

use super::element::texts;
use super::stream::Input;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::farmhash::fingerprint64;
use crate::{FieldType, sign};
use xxhash_rust::xxh3::xxh3_64;

pub(super) const CLASS: Class = Class {
    name: "hash_bucket",
    version: 1,
    doc: Doc {
        what: "each category's hash, folded into n buckets",
        inputs: "one field: int, string, bool, timestamp, list<int>, list<string>, map<string,float>; or, with `xxh3`, a \
                 feature of signs",
        args: "args: the number of buckets (1..1e9). str_args: `xxh3` (default) or `farmhash64` (as TensorFlow)",
        output: "a sign per element: the bucket number as an int; weight 1 or the map's weight",
        formula: "hash(UTF-8, ints in decimal) mod n; of a feature: its signs mod n",
        missing: "no sign; `default` replaces it",
        examples: &[
            Example::of(
                "a string = abc",
                "args = [1000]\nstr_args = [\"farmhash64\"]",
                "{int 385}",
            ),
            Example::of("a list<string> = abc,a", "args = [1000]", "{int 104, int 719}"),
        ],
    },
    depend: (1, 1),
    accepts: |input| {
        use FieldType::{Bool, Int, IntList, String, StringList, Timestamp, Weighted};
        matches!(input, InputType::Unknown | InputType::Sparse)
            || matches!(
                input,
                InputType::Field(Bool | Int | IntList | String | StringList | Timestamp | Weighted)
            )
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let buckets = setting.count("the number of buckets", 1..=1_000_000_000, None) as u64;
    let farm = setting.one_of(&["xxh3", "farmhash64"], true) == "farmhash64";
    if farm && setting.inputs.first() == Some(&InputType::Sparse) {
        setting.complain(
            "depend",
            Some(0),
            "farmhash64 hashes text; a feature of signs has none left",
        );
    }
    let hash = if farm { fingerprint64 } else { xxh3_64 };
    Built::sparse(HashBucket { buckets, hash })
}

struct HashBucket {
    buckets: u64,
    hash: fn(&[u8]) -> u64,
}

impl HashBucket {
    fn put(&self, hash: u64, weight: f32, out: &mut Out<'_>) {
        // Less than 1e9, so it fits.
        let bucket = i64::try_from(hash % self.buckets).unwrap_or_default();
        out.sign(sign::int(out.slot, bucket), weight);
    }
}

impl Operator for HashBucket {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        match inputs.get(0) {
            Input::Field(value) => texts(value, |text, weight| {
                self.put((self.hash)(text.as_bytes()), weight, out);
            }),
            Input::Signs(signs, weights) => {
                let signs = signs.iter().zip(weights);
                signs.for_each(|(sign, weight)| self.put(*sign, *weight, out));
            }
            Input::Numbers(_) => {}
        }
    }
}
