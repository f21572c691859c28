//! Extraction speed: `cargo run --release -p rankine-feature --example speed run [calls]`.
//!
//! A conf of 60 features (30 common, 20 item, 10 cross; ids, buckets, scaled numbers, lists, tags, times, formulas, crosses) over 500
//! made-up items. `run` prints values per CPU-second as one JSON line: computed with nothing cached, and delivered with item
//! parts cached. `conf`, `fields` and `rows N` print the conf, its fields and N text lines, for `rankine extract`.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use rankine_feature::{Extractor, FieldType, Part, Plan, Rows, Sample, Scratch, Side, Value};

const ITEMS: usize = 500;

/// Fields as (prefix, how many, type).
const USER: &[(&str, usize, &str)] = &[
    ("uid", 1, "int"),
    ("uc", 8, "string"),
    ("ui", 4, "int"),
    ("uf", 6, "float"),
    ("seen", 1, "list<int>"),
    ("likes", 1, "map<string,float>"),
];
const ITEM: &[(&str, usize, &str)] = &[
    ("iid", 1, "int"),
    ("ic", 6, "string"),
    ("ii", 2, "int"),
    ("if", 6, "float"),
    ("tags", 1, "list<string>"),
];
const CONTEXT: &[(&str, usize, &str)] = &[("at", 1, "timestamp"), ("net", 1, "string")];

/// Features as (operator, depend, settings), `#` counting from 0; how many of each.
const FEATURES: &[(usize, &str, &str, &str)] = &[
    // 30 common
    (1, "id", "uid0", ""),
    (8, "id", "uc#", ""),
    (4, "id", "ui#", ""),
    (1, "id", "net0", ""),
    (
        3,
        "bucketize",
        "uf#",
        "args = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]",
    ),
    (4, "normalize", "uf#", "args = [0.5, 0.29]"),
    (2, "log", "uf#", ""),
    (1, "history", "seen0", "args = [10]"),
    (1, "tag", "likes0", ""),
    (1, "time", "at0", "str_args = [\"hour\"]"),
    (1, "time", "at0", "str_args = [\"weekday\"]"),
    (1, "expression", "uf0, uf1", "str_args = [\"uf0 * uf1 + 1\"]"),
    (
        1,
        "expression",
        "ui0, uf2",
        "str_args = [\"ui0 > 500 ? uf2 : 0\"]",
    ),
    (1, "is_missing", "uf5", ""),
    // 20 item
    (1, "id", "iid0", ""),
    (6, "id", "ic#", ""),
    (2, "id", "ii#", ""),
    (
        3,
        "bucketize",
        "if#",
        "args = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]",
    ),
    (4, "normalize", "if#", "args = [0.5, 0.29]"),
    (2, "log", "if#", ""),
    (1, "tag", "tags0", ""),
    (1, "expression", "if0, if1", "str_args = [\"if0 / (if1 + 1)\"]"),
    // 10 cross: of features made above, and of fields
    (6, "cross", "f_uc#, f_ic#", ""),
    (1, "cross", "f_net0, f_iid0", ""),
    (1, "cross", "f_uc0, f_tags0", ""),
    (1, "lookup", "likes0, ic0", ""),
    (1, "expression", "uf0, if0", "str_args = [\"abs(uf0 - if0)\"]"),
];

fn fields(side: &[(&str, usize, &str)]) -> String {
    let field = |(name, count, ty): &(&str, usize, &str)| {
        (0..*count)
            .map(|i| format!("{{ name = \"{name}{i}\", type = \"{ty}\" }}"))
            .collect::<Vec<_>>()
    };
    side.iter().flat_map(field).collect::<Vec<_>>().join(", ")
}

fn conf() -> String {
    let mut text = format!(
        "format = 1\nname = \"speed\"\nschema.user = [{}]\nschema.item = [{}]\nschema.context = [{}]\nfeature = [\n",
        fields(USER),
        fields(ITEM),
        fields(CONTEXT)
    );
    let mut slot = 0;
    for (count, class, depend, settings) in FEATURES {
        for i in 0..*count {
            slot += 1;
            let depend = depend.replace('#', &i.to_string());
            let name = match (*class, depend.as_str()) {
                ("id" | "tag", field) => format!("f_{field}"),
                _ => format!("f{slot}"),
            };
            let depend = depend
                .split(", ")
                .map(|name| format!("\"{name}\""))
                .collect::<Vec<_>>()
                .join(", ");
            let settings = if settings.is_empty() {
                String::new()
            } else {
                format!(", {settings}")
            };
            // writing to a text does not fail
            let _ = writeln!(
                text,
                "  {{ name = \"{name}\", class = \"{class}\", slot = {slot}, depend = [{depend}]{settings} }},"
            );
        }
    }
    text + "]\n"
}

/// Numbers of a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn category(&mut self) -> String {
        format!("category-{}", self.below(200))
    }

    fn value(&mut self, ty: FieldType) -> Value {
        match ty {
            FieldType::Int => Value::Int(self.below(100_000).cast_signed()),
            FieldType::Float => Value::Float(self.below(1_000_000) as f64 / 1e6),
            FieldType::String => Value::str(&self.category()),
            FieldType::Timestamp => Value::Time(1_700_000_000_000_000 + self.below(1 << 40).cast_signed()),
            FieldType::IntList => Value::ints(
                &(0..20)
                    .map(|_| self.below(100_000).cast_signed())
                    .collect::<Vec<_>>(),
            ),
            FieldType::StringList => Value::strs(&(0..3).map(|_| self.category()).collect::<Vec<_>>()),
            FieldType::Weighted => {
                Value::weighted(&(0..5).map(|_| (self.category(), 0.5)).collect::<Vec<_>>())
            }
            FieldType::Bool | FieldType::FloatList | FieldType::Vector(_) => Value::Missing,
        }
    }

    fn row(&mut self, plan: &Plan, side: Side) -> Vec<Value> {
        plan.schema()
            .side(side)
            .iter()
            .map(|field| self.value(field.ty))
            .collect()
    }
}

/// User and system time of this thread so far. `/proc` tells it in steps of some milliseconds.
fn cpu_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

struct Bench {
    plan: Arc<Plan>,
    user: Vec<Value>,
    context: Vec<Value>,
    items: Vec<Vec<Value>>,
    scratch: Scratch,
    common: Part,
    kept: Vec<Part>,
    cross: Part,
    sum: u64,
}

impl Bench {
    fn cross(&mut self, i: usize) {
        let row = Rows {
            user: &self.user,
            item: &self.items[i],
            context: &self.context,
        };
        self.plan.cross(
            row,
            &self.common,
            &self.kept[i],
            &mut self.scratch,
            &mut self.cross,
        );
        self.sum ^= self.cross.sparse(0).0.first().copied().unwrap_or(1);
    }

    fn request(&mut self, cached: bool) {
        self.plan
            .common(&self.user, &self.context, &mut self.scratch, &mut self.common);
        for i in 0..ITEMS {
            if !cached {
                self.plan
                    .item(&self.items[i], &mut self.scratch, &mut self.kept[i]);
            }
            self.cross(i);
        }
    }

    /// CPU seconds of a request, the median of `calls`, each of them ten.
    fn time(&mut self, calls: usize, cached: bool) -> f64 {
        (0..calls / 10 + 1).for_each(|_| self.request(cached));
        let mut times: Vec<f64> = (0..calls / 10 + 1)
            .map(|_| {
                let begun = cpu_seconds();
                (0..10).for_each(|_| self.request(cached));
                (cpu_seconds() - begun) / 10.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }
}

fn run(plan: Arc<Plan>, calls: usize) {
    let mut random = Random(7);
    let mut bench = Bench {
        user: random.row(&plan, Side::User),
        context: random.row(&plan, Side::Context),
        items: (0..ITEMS).map(|_| random.row(&plan, Side::Item)).collect(),
        scratch: Scratch::default(),
        common: Part::default(),
        kept: vec![Part::default(); ITEMS],
        cross: Part::default(),
        sum: 0,
        plan,
    };
    let (fresh, cached) = (bench.time(calls, false), bench.time(calls, true));
    let (computed, delivered) = ((30 + ITEMS * 30) as f64 / fresh, (ITEMS * 60) as f64 / cached);
    println!(
        "{{\"computed\": {computed:.0}, \"delivered\": {delivered:.0}, \"us_fresh\": {:.1}, \"us_cached\": {:.1}, \"check\": {}}}",
        fresh * 1e6,
        cached * 1e6,
        bench.sum
    );
}

fn rows(plan: &Arc<Plan>, count: usize) -> std::io::Result<()> {
    let (mut random, mut sample) = (Random(11), Sample::new(plan.schema()));
    let (mut out, mut line) = (std::io::BufWriter::new(std::io::stdout().lock()), String::new());
    for _ in 0..count {
        let values = std::cell::RefCell::new(&mut random);
        sample.set(|field| values.borrow_mut().value(field.ty));
        line.clear();
        sample.print(&mut line);
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "run".to_owned());
    let count: usize = arguments.next().map_or(Ok(1_000), |n| n.parse())?;
    let plan = Arc::new(Plan::compile(&conf(), "speed.toml", None)?);
    assert_eq!(plan.slots().len(), 60);
    match what.as_str() {
        "conf" => print!("{}", conf()),
        "fields" => {
            let names: Vec<&str> = plan.schema().all().iter().map(|field| &*field.name).collect();
            println!("{}", names.join(","));
        }
        "rows" => rows(&plan, count)?,
        // the extractor of the offline road, so that the example keeps to what it says
        "once" => {
            let (mut extractor, mut bytes) = (Extractor::new(plan.clone()), Vec::new());
            extractor.run(Rows {
                user: &[],
                item: &[],
                context: &[],
            });
            extractor.encode(&mut bytes);
            println!("{} bytes", bytes.len());
        }
        _ => run(plan, count),
    }
    Ok(())
}
