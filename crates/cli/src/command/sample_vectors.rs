//! `rankine sample vectors`: users' vectors from their items', and samples `label,u1,…,un,i1,…,in` from ids.
//!
//! A user's vector is the mean of the vectors of the items acted on, one vote per row of behaviour; items without a vector
//! give none. Decision: what is learnt from and what is averaged are two files, so that a scene with much behaviour and few
//! samples of its own can be put together, and so that samples held out need not be in the mean.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use rankine_table::vectors::VectorTable;
use rankine_table::{AtomicFile, for_each_row};
use serde_json::json;

use super::Globals;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  rankine sample vectors items.txt --behaviour likes.csv --users-out users.npy \\\n    \
    --samples clicks.csv --out clicks-as-vectors.csv"
)]
pub(crate) struct Options {
    /// Vectors of items (.parquet, .csv, .npy with .ids.txt, word2vec text)
    #[arg(value_name = "VECTORS")]
    items: PathBuf,
    /// Who acted on what: a table (.csv, .tsv, .jsonl, .parquet) with the columns of user and item
    #[arg(long, value_name = "FILE")]
    behaviour: PathBuf,
    /// Names of the columns of user and item
    #[arg(
        long,
        value_name = "USER,ITEM",
        value_delimiter = ',',
        default_value = "user,item"
    )]
    columns: Vec<String>,
    /// Where the users' vectors go (.parquet, .csv, .npy, word2vec text)
    #[arg(long, value_name = "FILE")]
    users_out: Option<PathBuf>,
    /// Samples of ids: a table with the columns label, user and item
    #[arg(long, value_name = "FILE", requires = "out")]
    samples: Option<PathBuf>,
    /// Where the samples with vectors go: lines label,u1,…,i1,… without a header
    #[arg(long, value_name = "FILE", requires = "samples")]
    out: Option<PathBuf>,
}

/// Averages, joins, writes.
///
/// # Errors
/// Files that cannot be read or written, a label that is no number.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let [user, item] = options.columns.as_slice() else {
        bail!(
            "--columns names {} columns, expected USER,ITEM",
            options.columns.len()
        );
    };
    let items = VectorTable::read(&options.items)?;
    let users = means(&options.behaviour, (user, item), &items)?;
    if let Some(path) = &options.users_out {
        users.write(path)?;
    }
    let mut counts = (0, 0);
    if let (Some(samples), Some(out)) = (&options.samples, &options.out) {
        counts = join(samples, out, (user, item), (&users, &items))?;
    }
    if globals.json {
        return output::json(&json!({
            "users": users.ids.len(), "width": users.width, "samples": counts.0, "left_out": counts.1,
        }));
    }
    output::line(&format!(
        "{} users with vectors of {} numbers; {} samples, {} left out for want of a vector",
        users.ids.len(),
        users.width,
        counts.0,
        counts.1
    ));
    Ok(())
}

/// Each user's mean, users in the order of their text.
fn means(path: &Path, (user, item): (&str, &str), items: &VectorTable) -> anyhow::Result<VectorTable> {
    let places = items.places();
    let mut sums: BTreeMap<String, (u32, Vec<f64>)> = BTreeMap::new();
    for_each_row(path, &[user, item], |record| -> anyhow::Result<()> {
        let (user, item) = (
            record.get(0).unwrap_or_default(),
            record.get(1).unwrap_or_default(),
        );
        if let Some(&at) = places.get(item) {
            let zeros = || (0, vec![0.0; items.width]);
            let (count, sum) = sums.entry(user.to_owned()).or_insert_with(zeros);
            *count += 1;
            sum.iter_mut()
                .zip(items.row(at))
                .for_each(|(s, x)| *s += f64::from(*x));
        }
        Ok(())
    })?;
    let mut users = VectorTable {
        width: items.width,
        ..VectorTable::default()
    };
    for (id, (count, sum)) in sums {
        users.ids.push(id);
        #[expect(clippy::cast_possible_truncation, reason = "vectors are floats")]
        users
            .floats
            .extend(sum.iter().map(|s| (s / f64::from(count)) as f32));
    }
    Ok(users)
}

/// Writes the samples whose user and item both have a vector; returns how many, and how many have not.
fn join(
    samples: &Path,
    out: &Path,
    (user, item): (&str, &str),
    (users, items): (&VectorTable, &VectorTable),
) -> anyhow::Result<(u64, u64)> {
    let (of_user, of_item) = (users.places(), items.places());
    let (mut written, mut left_out) = (0, 0);
    let mut file = std::io::BufWriter::new(AtomicFile::create(out)?);
    for_each_row(samples, &["label", user, item], |record| -> anyhow::Result<()> {
        let cell = |at| record.get(at).unwrap_or_default();
        let label: f32 = cell(0).parse().with_context(|| {
            let (file, line) = (samples.display(), record.line());
            format!("{file}:{line}: the label is `{}`, expected a number", cell(0))
        })?;
        let (Some(&u), Some(&i)) = (of_user.get(cell(1)), of_item.get(cell(2))) else {
            left_out += 1;
            return Ok(());
        };
        write!(file, "{label}")?;
        for x in users.row(u).iter().chain(items.row(i)) {
            write!(file, ",{x:.6}")?;
        }
        writeln!(file)?;
        written += 1;
        Ok(())
    })?;
    file.into_inner().map_err(|fault| fault.into_error())?.commit()?;
    Ok((written, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_train::loss::Loss;
    use rankine_train::vectors::VectorText;

    #[test]
    fn a_users_vector_is_the_mean_and_samples_are_read_by_the_trainer() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let items = VectorTable {
            ids: vec!["1".into(), "2".into()],
            width: 2,
            floats: vec![1.0, 0.0, 0.0, 4.0],
            version: None,
        };
        std::fs::write(path("b.csv"), "who,what\na,1\na,1\na,2\nb,2\nc,9\n").unwrap();
        let users = means(&path("b.csv"), ("who", "what"), &items).unwrap();
        assert_eq!(users.ids, ["a", "b"]);
        let third = 1.0_f32 / 3.0;
        assert_eq!(users.floats, [2.0 * third, 4.0 * third, 0.0, 4.0]);
        std::fs::write(path("s.csv"), "label,who,what\n1,b,1\n0,c,1\n0,a,2\n").unwrap();
        let counts = join(
            &path("s.csv"),
            &path("out.csv"),
            ("who", "what"),
            (&users, &items),
        )
        .unwrap();
        assert_eq!(counts, (2, 1));
        let widths = VectorText::widths(&path("out.csv"), None).unwrap().unwrap();
        let mut source = VectorText::open(&path("out.csv"), widths, Loss::Bce).unwrap();
        assert_eq!(source.advance().unwrap(), Some((1.0, &[0.0, 4.0, 1.0, 0.0][..])));
        assert_eq!(source.advance().unwrap().unwrap().0, 0.0);
        assert_eq!(source.advance().unwrap(), None);
    }
}
