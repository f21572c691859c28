//! Scoring of 500 candidates from extracted features: `cargo run --release -p rankine-model --example score500 FOLDER [calls]`.
//!
//! 20 categorical slots of dimension 16 and 10 numbers → 128 → 64 → 1, half of each the user's. Writes weights, inputs and
//! scores to FOLDER, where the peer reads them, and prints median microseconds per call of three paths as one JSON line: all
//! parts anew for every candidate; the user's part once; the user's part once and item parts kept.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rankine_feature::{Part, Plan, Rows, Scratch, Value};
use rankine_model::{Common, Hidden, ModelConfig, Network, Parameters, ScoreScratch, Scorer, Table, Tensor};

const CANDIDATES: usize = 500;
const IDS: usize = 20;
const NUMBERS: usize = 10;
const DIM: usize = 16;
/// Values of a categorical slot.
const VALUES: i64 = 10_000;

/// Numbers of a seed in 0..1 (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_precision_loss, reason = "24 bits fit a float")]
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }
}

fn conf() -> String {
    let fields = |prefix: &str, ids: usize, numbers: usize| {
        let id = (0..ids).map(|i| format!("{{ name = \"{prefix}{i}\", type = \"int\" }}"));
        let number = (0..numbers).map(|i| format!("{{ name = \"{prefix}n{i}\", type = \"float\" }}"));
        id.chain(number).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "format = 1\nname = \"score\"\nschema.user = [{}]\nschema.item = [{}]\nfeature = [\n",
        fields("u", IDS / 2, NUMBERS / 2),
        fields("i", IDS / 2, NUMBERS / 2),
    );
    for slot in 0..IDS + NUMBERS {
        let (class, name) = if slot < IDS {
            (
                "id",
                format!("{}{}", ["u", "i"][slot / (IDS / 2)], slot % (IDS / 2)),
            )
        } else {
            let at = slot - IDS;
            (
                "raw",
                format!("{}n{}", ["u", "i"][at / (NUMBERS / 2)], at % (NUMBERS / 2)),
            )
        };
        let number = slot + 1;
        text.push_str(&format!(
            "{{ name = \"f{number}\", class = \"{class}\", slot = {number}, depend = [\"{name}\"] }},\n"
        ));
    }
    text + "]\n"
}

fn model() -> String {
    let table = |slot| format!("{{ slots = [{slot}], table = \"t{slot:02}\", dim = {DIM} }}");
    let tables: Vec<String> = (1..=IDS).map(table).collect();
    let dense: Vec<String> = (IDS + 1..=IDS + NUMBERS).map(|slot| slot.to_string()).collect();
    format!(
        "format = 1\nkind = \"embeddingmlp\"\nconf = \"score\"\nembedding = [{}]\ndense = {{ slots = [{}] }}\nhidden = [128, 64]\n",
        tables.join(", "),
        dense.join(", ")
    )
}

fn parameters(network: &Network, random: &mut Random) -> Parameters<f32> {
    let mut found = Parameters::default();
    for (slot, spec) in (1u32..).zip(&network.tables) {
        let mut table = Table::plain(spec.dim);
        for value in 0..VALUES {
            let sign = rankine_feature::sign::int(slot, value);
            table.intern(sign, |row| row.iter_mut().for_each(|x| *x = random.unit() - 0.5));
        }
        found.tables.insert(spec.name.clone(), table);
    }
    for spec in network.tensors() {
        let scale = 1.0 / (spec.shape[0] as f32).sqrt();
        let count = spec.shape.iter().product();
        let data = (0..count).map(|_| (random.unit() - 0.5) * 2.0 * scale).collect();
        found.dense.insert(spec.name, Tensor::new(&spec.shape, data));
    }
    found
}

/// One row per call or candidate: ids, then numbers.
fn row(random: &mut Random) -> Vec<Value> {
    let ids = (0..IDS / 2).map(|_| random.next() % VALUES.unsigned_abs());
    let mut row: Vec<Value> = ids.map(|id| Value::Int(id.cast_signed())).collect();
    row.extend((0..NUMBERS / 2).map(|_| Value::Float(f64::from(random.unit()))));
    row
}

struct Bench {
    scorer: Scorer,
    user: Part,
    items: Vec<Part>,
    crosses: Part,
    scratch: ScoreScratch,
    common: Hidden,
    hidden: Vec<Hidden>,
    scores: Vec<f32>,
}

impl Bench {
    fn score(&mut self) {
        let (hidden, cross) = (&self.hidden, &self.crosses);
        let candidate = |i: usize| (&hidden[i], cross);
        self.scorer
            .score_many(&self.common, &candidate, &mut self.scratch, &mut self.scores);
    }

    /// Everything for every candidate.
    fn plain(&mut self) {
        let user = &self.user;
        let common = Common::Anew(&|_| user);
        anew(
            &self.scorer,
            &common,
            &self.items,
            &mut self.scratch,
            &mut self.scores,
        );
    }

    /// What a request gets whose items keep nothing.
    fn user_once(&mut self) {
        self.scorer.common(&self.user, &mut self.common);
        let common = Common::Kept(&self.common);
        anew(
            &self.scorer,
            &common,
            &self.items,
            &mut self.scratch,
            &mut self.scores,
        );
    }

    fn items_kept(&mut self) {
        self.scorer.common(&self.user, &mut self.common);
        self.score();
    }

    /// Median microseconds of a path.
    fn time(&mut self, calls: usize, path: impl Fn(&mut Bench)) -> f64 {
        (0..calls / 10 + 1).for_each(|_| path(self));
        let mut times: Vec<f64> = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begun = Instant::now();
            path(self);
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        times[calls / 2]
    }
}

/// Scores candidates of which nothing is kept.
fn anew<'p>(
    scorer: &Scorer,
    common: &Common<'_, 'p>,
    items: &'p [Part],
    s: &mut ScoreScratch,
    scores: &mut [f32],
) {
    let done = scorer.score_anew(common, &|i| &items[i], s, scores);
    assert!(done, "the model has nothing but its dense layers");
}

fn write(path: &Path, floats: impl Iterator<Item = f32>) -> std::io::Result<()> {
    std::fs::write(path, floats.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())
}

/// The rows of ids and numbers as the peer reads them: 500 × 20 and 500 × 10 floats.
fn inputs(user: &[Value], items: &[Vec<Value>]) -> (Vec<f32>, Vec<f32>) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "they were made of f32 and small ints"
    )]
    let number = |value: &Value| value.number().unwrap_or(f64::NAN) as f32;
    let pick = |row: &[Value], ids: bool| -> Vec<f32> {
        let (a, b) = row.split_at(IDS / 2);
        if ids { a } else { b }.iter().map(number).collect()
    };
    let all = |ids| {
        items
            .iter()
            .flat_map(|item| [pick(user, ids), pick(item, ids)].concat())
            .collect()
    };
    (all(true), all(false))
}

fn dump(folder: &Path, network: &Network, parameters: &Parameters<f32>) -> std::io::Result<()> {
    let tables = network.tables.iter().map(|spec| &parameters.tables[&spec.name]);
    let keys = (1u32..).zip(0..VALUES).map(|(row, _)| row);
    let rows = tables.flat_map(|table| keys.clone().flat_map(|row| table.weights(row).to_vec()));
    write(&folder.join("tables.f32"), rows)?;
    for spec in network.tensors() {
        let tensor = &parameters.dense[&spec.name];
        write(
            &folder.join(format!("{}.f32", spec.name)),
            tensor.data.iter().copied(),
        )?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected a folder")?;
    let calls: usize = arguments.next().map_or(Ok(2_000), |n| n.parse())?;
    let plan = Arc::new(Plan::compile(&conf(), "score.toml", None)?);
    let network = Network::compile(&ModelConfig::parse(&model(), "score.model.toml")?, &plan)?;
    let mut random = Random(7);
    let parameters = parameters(&network, &mut random);
    let (user, items) = (
        row(&mut random),
        (0..CANDIDATES).map(|_| row(&mut random)).collect::<Vec<_>>(),
    );
    let mut scratch = Scratch::default();
    let (mut common, mut parts, mut crosses) = (
        Part::default(),
        vec![Part::default(); CANDIDATES],
        Part::default(),
    );
    plan.common(&user, &[], &mut scratch, &mut common);
    for (item, part) in items.iter().zip(&mut parts) {
        plan.item(item, &mut scratch, part);
    }
    let rows = Rows {
        user: &user,
        item: &items[0],
        context: &[],
    };
    plan.cross(rows, &common, &parts[0], &mut scratch, &mut crosses);
    let mut bench = Bench {
        scorer: Scorer::new(&network, &parameters)?,
        user: common,
        items: parts,
        crosses,
        scratch: ScoreScratch::default(),
        common: Hidden::default(),
        hidden: vec![Hidden::default(); CANDIDATES],
        scores: vec![0.0; CANDIDATES],
    };
    let made = &bench.items;
    bench
        .scorer
        .items(&|i| &made[i], &mut bench.scratch, &mut bench.hidden);
    bench.plain();
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    dump(folder, &network, &parameters)?;
    let (ids, numbers) = inputs(&user, &items);
    write(&folder.join("ids.f32"), ids.into_iter())?;
    write(&folder.join("numbers.f32"), numbers.into_iter())?;
    write(&folder.join("scores.f32"), bench.scores.iter().copied())?;
    let plain = bench.time(calls, Bench::plain);
    let once = bench.time(calls, Bench::user_once);
    let kept = bench.time(calls, Bench::items_kept);
    println!("{{\"plain\": {plain:.2}, \"user_once\": {once:.2}, \"items_kept\": {kept:.2}}}");
    Ok(())
}
