//! Writing: by the file's name; a file appears whole or not at all.

use std::io::Write;
use std::path::Path;

use super::{VectorTable, faiss, npy, read};
use crate::{AtomicFile, Column, Table, TableError, parquet};

impl VectorTable {
    /// Writes the vectors; of a `.npy` the ids appear first.
    ///
    /// # Errors
    /// [`TableError::Write`] and what Parquet says.
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("parquet") => self.parquet(path),
            Some("npy") => {
                let ids = self.ids.iter().map(|id| format!("{id}\n")).collect::<String>();
                put(&read::ids_beside(path), ids.as_bytes())?;
                put(path, &npy::encode(self.ids.len(), self.width, &self.floats))
            }
            Some("faiss") => self.faiss(path),
            Some("csv") => put(path, self.lines(',').as_bytes()),
            Some("sql") => put(path, self.sql(path).as_bytes()),
            Some("resp") => put(path, &self.resp(path)),
            _ => {
                let head = format!("{} {}\n", self.ids.len(), self.width);
                put(path, (head + &self.lines(' ')).as_bytes())
            }
        }
    }

    /// Ids that are numbers stand in the file, others beside it.
    fn faiss(&self, path: &Path) -> Result<(), TableError> {
        let ids: Option<Vec<i64>> = self.ids.iter().map(|id| id.parse().ok()).collect();
        if ids.is_none() {
            let ids = self.ids.iter().map(|id| format!("{id}\n")).collect::<String>();
            put(&read::ids_beside(path), ids.as_bytes())?;
        }
        put(path, &faiss::encode(self.width, &self.floats, ids.as_deref()))
    }

    fn lines(&self, separator: char) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for (at, id) in self.ids.iter().enumerate() {
            text.push_str(id);
            for x in self.row(at) {
                // the shortest form that reads back as the same float
                let _ = write!(text, "{separator}{x}");
            }
            text.push('\n');
        }
        text
    }

    /// Statements for `psql`: a table named as the file, of ids and pgvector's vectors, filled anew.
    fn sql(&self, path: &Path) -> String {
        use std::fmt::Write as _;
        let name: String = stem(path)
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let mut text = format!(
            "CREATE EXTENSION IF NOT EXISTS vector;\nBEGIN;\nDROP TABLE IF EXISTS \"{name}\";\n\
             CREATE TABLE \"{name}\" (id text PRIMARY KEY, vector vector({}));\nCOPY \"{name}\" FROM stdin;\n",
            self.width
        );
        for (at, id) in self.ids.iter().enumerate() {
            let floats: Vec<String> = self.row(at).iter().map(ToString::to_string).collect();
            let id = id.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
            let _ = writeln!(text, "{id}\t[{}]", floats.join(","));
        }
        text.push_str("\\.\nCOMMIT;\n");
        text
    }

    /// Commands for `redis-cli --pipe`: `SET NAME:ID` the floats, little-endian.
    fn resp(&self, path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, id) in self.ids.iter().enumerate() {
            let key = format!("{}:{id}", stem(path));
            let floats: Vec<u8> = self.row(at).iter().flat_map(|x| x.to_le_bytes()).collect();
            bytes.extend_from_slice(b"*3\r\n");
            for part in [b"SET".as_slice(), key.as_bytes(), &floats] {
                bytes.extend(format!("${}\r\n", part.len()).bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes
    }

    fn parquet(&self, path: &Path) -> Result<(), TableError> {
        let whole: Option<Vec<Option<i64>>> = self.ids.iter().map(|id| id.parse().ok().map(Some)).collect();
        let ids = match whole {
            Some(ids) => Column::Int(ids),
            None => Column::Text(self.ids.iter().map(|id| Some(id.clone())).collect()),
        };
        let rows = (0..self.ids.len())
            .map(|at| Some(self.row(at).to_vec()))
            .collect();
        let width = self.width;
        let version = self.version.and_then(|version| i64::try_from(version).ok());
        let version = version.map(|version| Column::Int(vec![Some(version); self.ids.len()]));
        let columns = [
            ("id".to_owned(), ids),
            ("vector".to_owned(), Column::Vector { width, rows }),
        ];
        let columns = columns.into_iter();
        let columns = columns.chain(version.map(|version| ("version".to_owned(), version)));
        let columns = columns.collect();
        parquet::write(path, &Table { columns }, &[])
    }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or(String::new(), |stem| stem.to_string_lossy().into_owned())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|source| TableError::Write {
        path: path.to_owned(),
        source,
    })?;
    file.commit()
}
