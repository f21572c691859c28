//! Bytes of a foreign message, read front to back: what the readers of PostgreSQL's and Kafka's messages share.
//!
//! The decision: a reader takes what is there or says what it lacks, so that no bytes make it panic; which error that is,
//! is the protocol's to say. Numbers have their highest byte first, as both protocols do.

use crate::error::PipelineError;

/// The error of a protocol for what was expected and what came.
type Fault = fn(&str, &str) -> PipelineError;

/// Bytes not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
    short: Fault,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8], short: Fault) -> Input<'a> {
        Input { rest: bytes, short }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], PipelineError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err((self.short)(
                &format!("{count} more bytes"),
                &self.rest.len().to_string(),
            ));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], PipelineError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, PipelineError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn i8(&mut self) -> Result<i8, PipelineError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, PipelineError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, PipelineError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, PipelineError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, PipelineError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, PipelineError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, PipelineError> {
        Ok(i64::from_be_bytes(self.array()?))
    }
}
