//! Where packets are written: a file that appears when it is complete, or the standard output.

use std::io::{BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use rankine_feature::Plan;
use rankine_table::stream::{OutputFile, is_standard};
use rankine_table::{TableError, parquet};

use super::binding::Binding;
use super::output::{Packet, empty};
use super::{Output, OutputForm};
use crate::PipelineError;

pub(super) enum Sink {
    Standard(BufWriter<Stdout>),
    File(OutputFile),
    Parquet(Box<parquet::Writer>),
}

impl Sink {
    pub(super) fn create(output: &Output, plan: &Plan, binding: &Binding) -> Result<Sink, PipelineError> {
        let path = output.path.as_path();
        Ok(match output.form {
            OutputForm::Parquet if is_standard(path) => {
                return Err(PipelineError::Malformed {
                    path: PathBuf::from("standard output"),
                    reason: "Parquet is written to files only; expected an output file".to_owned(),
                });
            }
            OutputForm::Parquet => {
                let metadata = [("conf", plan.name().to_owned()), ("conf_hash", plan.hash())];
                let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
                Sink::Parquet(Box::new(parquet::Writer::create(
                    path,
                    &empty(plan, binding),
                    &metadata,
                )?))
            }
            OutputForm::Bytes | OutputForm::Text | OutputForm::JsonLines if is_standard(path) => {
                Sink::Standard(BufWriter::with_capacity(1 << 16, std::io::stdout()))
            }
            OutputForm::Bytes | OutputForm::Text | OutputForm::JsonLines => {
                Sink::File(OutputFile::create(path)?)
            }
        })
    }

    pub(super) fn write(&mut self, packet: &Packet) -> Result<(), PipelineError> {
        let bytes = match packet {
            Packet::Bytes(bytes) => bytes.as_slice(),
            Packet::Text(text) | Packet::Json(text) => text.as_bytes(),
            Packet::Table(table) => {
                if let Sink::Parquet(writer) = self {
                    writer.write(table)?;
                }
                return Ok(());
            }
        };
        let (written, path) = match self {
            Sink::Standard(out) => (out.write_all(bytes), Path::new("standard output").to_owned()),
            Sink::File(out) => (out.write_all(bytes), out.path().to_owned()),
            Sink::Parquet(_) => return Ok(()),
        };
        written.map_err(|source| PipelineError::Table(TableError::Write { path, source }))
    }

    pub(super) fn commit(self) -> Result<(), PipelineError> {
        match self {
            Sink::File(out) => Ok(out.commit()?),
            Sink::Parquet(writer) => Ok(writer.commit()?),
            Sink::Standard(mut out) => out.flush().map_err(|source| {
                let path = PathBuf::from("standard output");
                PipelineError::Table(TableError::Write { path, source })
            }),
        }
    }
}
