//! `rankine index build`: an index of a file of vectors.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rankine_index::{Hnsw, IndexError, Metric, VectorIndex};
use rankine_table::vectors::VectorTable;
use serde_json::json;

use super::Globals;
use crate::output;

/// How nearness is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum MetricName {
    /// The inner product
    Inner,
    /// The inner product of vectors of length 1
    Cosine,
}

/// How it can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Exactly
    Exact,
    /// Also by a graph, which is made when it is asked for
    Hnsw,
}

/// Settings of a graph.
#[derive(Debug, Args)]
struct GraphOptions {
    /// Neighbours per node of the graph
    #[arg(long, default_value_t = Hnsw::default().m, value_name = "COUNT")]
    m: usize,
    /// Candidates the graph looks at when a row comes in
    #[arg(long, default_value_t = Hnsw::default().ef_construction, value_name = "COUNT")]
    ef_construction: usize,
    /// Candidates the graph looks at in a search
    #[arg(long, default_value_t = Hnsw::default().ef, value_name = "COUNT")]
    ef: usize,
}

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine index build items.parquet --out items.index")]
pub(crate) struct Options {
    /// Vectors by id (.parquet, .csv, .npy with .ids.txt, word2vec text)
    #[arg(value_name = "VECTORS")]
    vectors: PathBuf,
    /// Where the index goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How nearness is measured; vectors by `embed` are ready for the inner product
    #[arg(long, value_enum, default_value_t = MetricName::Inner)]
    metric: MetricName,
    /// The version of the model that made the vectors; default: what a Parquet file by `embed` says
    #[arg(long)]
    model_version: Option<u64>,
    /// How it can be searched
    #[arg(long, value_enum, default_value_t = Kind::Exact)]
    kind: Kind,
    #[command(flatten)]
    graph: GraphOptions,
}

/// Reads, builds, saves.
///
/// # Errors
/// A file that cannot be read or written, ids that are no numbers, numbers that are not finite.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let table = VectorTable::read(&options.vectors)?;
    let metric = match options.metric {
        MetricName::Inner => Metric::InnerProduct,
        MetricName::Cosine => Metric::Cosine,
    };
    let ids = numbers(&table)?;
    let mut index = VectorIndex::build(
        metric,
        version(options, &table)?,
        &ids,
        table.width,
        &table.floats,
    )?;
    if options.kind == Kind::Hnsw {
        index = index.with_graph(Hnsw {
            m: options.graph.m,
            ef_construction: options.graph.ef_construction,
            ef: options.graph.ef,
        })?;
    }
    index.save(&options.out)?;
    let (file, count) = (options.out.display().to_string(), index.len());
    if globals.json {
        return output::json(&json!({ "file": file, "vectors": count, "width": table.width }));
    }
    output::line(&format!("{count} vectors of {} numbers: {file}", table.width));
    Ok(())
}

/// The version that made the vectors: given, or the file's own; 0 where nothing says it.
fn version(options: &Options, table: &VectorTable) -> anyhow::Result<u64> {
    match (options.model_version, table.version) {
        (Some(given), Some(own)) if given != own => bail!(
            "--model-version is {given}, {} says its vectors are of version {own}",
            options.vectors.display()
        ),
        (given, own) => Ok(given.or(own).unwrap_or(0)),
    }
}

/// The ids as numbers.
pub(super) fn numbers(table: &VectorTable) -> anyhow::Result<Vec<i64>> {
    let number = |id: &String| id.parse().with_context(|| format!("id `{id}` is not a number"));
    table.ids.iter().map(number).collect()
}

/// Refuses vectors made by another version than the index's; where the file or the index says none, that is told.
///
/// # Errors
/// Versions that differ.
pub(super) fn of_one_version(index: &VectorIndex, table: &VectorTable, file: &Path) -> anyhow::Result<()> {
    let file = file.display();
    match (index.version(), table.version) {
        (expected, Some(got)) if expected == got => {}
        (expected, Some(got)) if expected != 0 => {
            return Err(IndexError::Version { expected, got }).with_context(|| file.to_string());
        }
        (0, _) => output::note(&format!(
            "the index does not say which version made its vectors, so {file} is taken to be of the same"
        )),
        (expected, _) => output::note(&format!(
            "{file} does not say which version made its vectors (Parquet by `embed` does), so they are taken to be of the index's, {expected}"
        )),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{index_check, index_query};
    use clap::Parser;

    #[derive(Parser)]
    struct Query {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        options: index_query::Options,
    }

    #[derive(Parser)]
    struct Check {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        options: index_check::Options,
    }

    #[derive(Parser)]
    struct Build {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_graph_is_made_where_the_file_has_settings_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let number =
            |at: u32| f32::from(u16::try_from(at.wrapping_mul(2_654_435_761) >> 18).unwrap()) - 8192.0;
        let table = VectorTable {
            ids: (0..2_500).map(|id| id.to_string()).collect(),
            width: 4,
            floats: (0..10_000).map(number).collect(),
            version: Some(1),
        };
        table.write(&folder.path().join("items.parquet")).unwrap();
        let (items, out) = (path("items.parquet"), path("i.index"));
        let build = |given: &[&str]| {
            let arguments = ["build", &items, "--out", &out];
            let build = Build::parse_from(arguments.iter().chain(given));
            run(&build.options, &build.globals)
        };
        build(&["--kind", "hnsw", "--m", "8", "--ef", "32"]).unwrap();
        let settings = VectorIndex::load(Path::new(&out)).unwrap().hnsw().unwrap();
        assert_eq!((settings.m, settings.ef), (8, 32));
        let check = |given: &[&str]| {
            let arguments = ["check", &out, &items, "--most", "50"];
            let check = Check::parse_from(arguments.iter().chain(given));
            index_check::run(&check.options, &check.globals)
        };
        check(&["--least", "0.9"]).unwrap();
        let fault = check(&["--least", "1.1"]).unwrap_err().to_string();
        assert!(fault.contains("expected at least 1.1"), "{fault}");
        let query = Query::parse_from(["query", &out, "--users", &items, "--approximate"]);
        index_query::run(&query.options, &query.globals).unwrap();
        let fault = build(&["--kind", "hnsw", "--m", "1"]).unwrap_err().to_string();
        assert_eq!(fault, "m: expected 2 to 256, got 1");
    }

    #[test]
    fn vectors_of_different_versions_never_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let table = |version| VectorTable {
            ids: vec!["1".to_owned(), "2".to_owned()],
            width: 2,
            floats: vec![1.0, 0.0, 0.0, 1.0],
            version,
        };
        for (name, version) in [
            ("one.parquet", Some(1)),
            ("two.parquet", Some(2)),
            ("none.csv", None),
        ] {
            table(version).write(&folder.path().join(name)).unwrap();
        }
        let build = |file: &str, given: &[&str]| {
            let arguments = ["build", &path(file), "--out", &path("i.index")];
            let build = Build::parse_from(arguments.iter().chain(given));
            run(&build.options, &build.globals)
        };
        let query = |users: &str| {
            let query = Query::parse_from(["query", &path("i.index"), "--users", &path(users)]);
            index_query::run(&query.options, &query.globals)
        };
        let check = |items: &str, users: &str| {
            let check = ["check", &path("i.index"), &path(items), "--users", &path(users)];
            let check = Check::parse_from(check);
            index_check::run(&check.options, &check.globals)
        };
        let told = |outcome: anyhow::Result<()>| format!("{:#}", outcome.unwrap_err());
        build("one.parquet", &[]).unwrap();
        for users in ["one.parquet", "none.csv"] {
            query(users).unwrap();
            check("one.parquet", users).unwrap();
        }
        let refused = "query of artefact version 2 asked of an index of version 1";
        let all = [
            query("two.parquet"),
            check("one.parquet", "two.parquet"),
            check("two.parquet", "one.parquet"),
        ];
        for outcome in all {
            let told = told(outcome);
            assert!(told.contains(refused) && told.contains("two.parquet: "), "{told}");
        }
        let fault = told(build("one.parquet", &["--model-version", "3"]));
        assert!(fault.ends_with("says its vectors are of version 1"), "{fault}");
        build("none.csv", &[]).unwrap();
        query("two.parquet").unwrap();
    }
}
