//! The files of a table: one file of its name, or a folder of files whose own folders may say columns (`dt=20260301`).

use std::path::{Path, PathBuf};

use rankine_table::delimited::DelimitedReader;
use rankine_table::{Form, TableError, parquet};

use super::malformed;
use crate::PipelineError;

/// Endings that are looked for beside the table's name.
const ENDINGS: [&str; 7] = ["parquet", "csv", "csv.gz", "csv.zst", "tsv", "tsv.gz", "tsv.zst"];

/// A file, and what the names of its folders say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    pub(super) form: Form,
    pub(super) given: Vec<(String, String)>,
}

impl TableFile {
    /// What the folders say of a column.
    pub(super) fn told(&self, column: &str) -> Option<&str> {
        let mut given = self.given.iter();
        given
            .find(|(name, _)| name == column)
            .map(|(_, value)| value.as_str())
    }

    /// The columns of the file itself.
    pub(super) fn header(&self) -> Result<Vec<String>, PipelineError> {
        if let Form::Delimited(layout) = &self.form {
            let reader = DelimitedReader::open(&self.path, layout.clone())?;
            return Ok(reader.names().to_vec());
        }
        let reader = parquet::Reader::open(&self.path, 1)?;
        Ok(reader.columns().iter().map(|(name, _)| name.clone()).collect())
    }

    /// All its columns.
    pub(super) fn columns(&self) -> Result<Vec<String>, PipelineError> {
        let mut columns = self.header()?;
        for (name, _) in &self.given {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        Ok(columns)
    }
}

/// The files of a table, in the order of their names.
pub(super) fn find(folder: &Path, table: &str) -> Result<Vec<TableFile>, PipelineError> {
    let beside = ENDINGS.map(|ending| folder.join(format!("{table}.{ending}")));
    let mut found: Vec<PathBuf> = beside.into_iter().filter(|path| path.is_file()).collect();
    found.extend(Some(folder.join(table)).filter(|path| path.is_dir()));
    let [only] = found.as_slice() else {
        let there: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        let reason = format!(
            "table `{table}`: expected one file {table}.parquet, .csv or .tsv (also .gz, .zst) or one folder of such files, \
             got {}",
            if there.is_empty() {
                "none".to_owned()
            } else {
                there.join(", ")
            }
        );
        return Err(malformed(folder, reason));
    };
    let mut files = Vec::new();
    match form(only) {
        Some(form) if only.is_file() => files.push(TableFile {
            path: only.clone(),
            form,
            given: Vec::new(),
        }),
        _ => walk(only, &[], &mut files)?,
    }
    if files.is_empty() {
        return Err(malformed(
            only,
            format!("table `{table}`: no Parquet, CSV or TSV file in this folder"),
        ));
    }
    Ok(files)
}

fn form(path: &Path) -> Option<Form> {
    Form::of(path).filter(|form| *form != Form::JsonLines)
}

fn walk(folder: &Path, given: &[(String, String)], files: &mut Vec<TableFile>) -> Result<(), PipelineError> {
    let fail = |source| TableError::Open {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(['.', '_']) {
            continue;
        }
        match (path.is_dir(), name.split_once('=')) {
            (true, Some((column, value))) => {
                let own = [given, &[(column.to_owned(), value.to_owned())]].concat();
                walk(&path, &own, files)?;
            }
            (true, None) => {}
            (false, _) => files.extend(form(&path).map(|form| TableFile {
                path: path.clone(),
                form,
                given: given.to_vec(),
            })),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_say_columns() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "user_id,dt\n1,x\n").unwrap();
        };
        [
            "t/dt=2/b.csv",
            "t/dt=1/region=eu/a.csv",
            "t/_SUCCESS",
            "t/dt=1/.hidden.csv",
            "u.csv",
            "v.csv",
            "v.tsv",
        ]
        .into_iter()
        .for_each(write);
        let files = find(folder.path(), "t").unwrap();
        let told: Vec<_> = files.iter().map(|f| (f.told("dt"), f.told("region"))).collect();
        assert_eq!(told, [(Some("1"), Some("eu")), (Some("2"), None)]);
        assert_eq!(files[0].columns().unwrap(), ["user_id", "dt", "region"]);
        assert_eq!(find(folder.path(), "u").unwrap().len(), 1);
        for (table, says) in [("v", "v.csv, "), ("w", "got none")] {
            let told = find(folder.path(), table).unwrap_err().to_string();
            assert!(told.contains(says), "{told}");
        }
    }
}
