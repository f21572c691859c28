//! Boundaries of numeric columns by quantiles: the table `feature,boundaries` that `bucketize` reads as a dictionary.
//!
//! Where it sits: a job between samples and training. The decision: exact quantiles over all rows (a column of numbers fits
//! into memory where its samples do), so that the same rows give the same boundaries, in any order.

use std::io::Write;
use std::path::Path;

use rankine_table::{AtomicFile, TableError, for_each_row};

use crate::PipelineError;

/// A feature and its boundaries, strictly increasing.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundaries {
    /// The column, and the feature.
    pub feature: String,
    /// Each value below the first is in bucket 0.
    pub boundaries: Vec<f64>,
    /// Rows without a value.
    pub missing: u64,
}

/// The boundaries of columns over all files of a table, for so many buckets of about equal size each.
///
/// # Errors
/// A file that cannot be read, a column that it does not have, a cell that is no finite number.
pub fn boundaries(
    paths: &[&Path],
    columns: &[&str],
    buckets: usize,
) -> Result<Vec<Boundaries>, PipelineError> {
    let mut values: Vec<(Vec<f64>, u64)> = vec![(Vec::new(), 0); columns.len()];
    for path in paths {
        collect(path, columns, &mut values)?;
    }
    let of = |(column, (numbers, missing)): (&&str, (Vec<f64>, u64))| Boundaries {
        feature: (*column).to_owned(),
        boundaries: quantiles(numbers, buckets),
        missing,
    };
    Ok(columns.iter().zip(values).map(of).collect())
}

/// Adds a file's numbers, and how many are missing.
fn collect(path: &Path, columns: &[&str], values: &mut [(Vec<f64>, u64)]) -> Result<(), PipelineError> {
    for_each_row(path, columns, |record| {
        for (at, (numbers, missing)) in values.iter_mut().enumerate() {
            match record.get(at).filter(|cell| !cell.is_empty()) {
                None => *missing += 1,
                Some(cell) => numbers.push(number(path, record.line(), (columns[at], cell))?),
            }
        }
        Ok(())
    })
}

fn number(path: &Path, line: u64, (column, cell): (&str, &str)) -> Result<f64, PipelineError> {
    let number = cell.trim().parse().ok().filter(|x: &f64| x.is_finite());
    number.ok_or_else(|| {
        let reason = format!("line {line}, column `{column}`: expected a finite number, got `{cell}`");
        let path = path.to_owned();
        PipelineError::Malformed { path, reason }
    })
}

/// The values at the ranks that part the rows into buckets; equal ones once, the least value never (bucket 0 would be empty).
fn quantiles(mut values: Vec<f64>, buckets: usize) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let ranks = (1..buckets).map(|k| k * values.len() / buckets.max(1));
    let mut found: Vec<f64> = ranks.filter_map(|rank| values.get(rank).copied()).collect();
    found.retain(|x| Some(x) > values.first());
    found.dedup();
    found
}

/// Writes the table; a feature without boundaries is left out, as no dictionary may hold it.
///
/// # Errors
/// The disk's.
pub fn write(path: &Path, table: &[Boundaries]) -> Result<(), PipelineError> {
    let fail = |source| TableError::Write {
        path: path.to_owned(),
        source,
    };
    let mut text = String::from("feature,boundaries\n");
    for row in table.iter().filter(|row| !row.boundaries.is_empty()) {
        let list: Vec<String> = row.boundaries.iter().map(ToString::to_string).collect();
        let feature = row.feature.replace('"', "\"\"");
        text += &format!("\"{feature}\",\"{}\"\n", list.join(","));
    }
    let mut file = AtomicFile::create(path)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    Ok(file.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_of_about_equal_size() {
        assert_eq!(
            quantiles((0..100).map(f64::from).collect(), 4),
            [25.0, 50.0, 75.0]
        );
        assert_eq!(quantiles(vec![1.0, 1.0, 1.0, 2.0], 4), [2.0]);
        assert_eq!(quantiles(vec![3.0; 9], 4), [0.0; 0]);
        assert_eq!(quantiles(Vec::new(), 4), [0.0; 0]);
    }

    #[test]
    fn columns_become_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(
            path("t.csv"),
            "id,age,price\n1,10,0.5\n2,20,\n3,30,1.5\n4,40,2.5\n",
        )
        .unwrap();
        let found = boundaries(&[&path("t.csv")], &["age", "price"], 2).unwrap();
        assert_eq!(
            (found[0].boundaries.as_slice(), found[1].missing),
            (&[30.0][..], 1)
        );
        write(&path("b.csv"), &found).unwrap();
        let text = std::fs::read_to_string(path("b.csv")).unwrap();
        assert_eq!(text, "feature,boundaries\n\"age\",\"30\"\n\"price\",\"1.5\"\n");
        std::fs::write(path("bad.csv"), "id,age\n1,10\n2,old\n").unwrap();
        let told = boundaries(&[&path("t.csv"), &path("bad.csv")], &["age"], 2)
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("line 3") && told.contains("`age`") && told.contains("`old`"),
            "{told}"
        );
    }
}
