//! The unified predictor's service behind gRPC and REST: one path from message to question to answer to message.
//!
//! In the flow: gRPC hands over a message as it came, REST makes the same message of JSON; both are admitted when
//! the body has arrived and before it is decoded, turned into the predictor's question on the scoring pool, and answered from one
//! snapshot. The decision here: REST is another spelling of the messages and not another service, so the two cannot
//! differ in what they mean. Refused: two conversions, and a queue in front of the permits.

mod bounds;
mod convert;
mod fault;
mod json;
mod rest;
mod status;
mod work;

pub(crate) use bounds::{ARRIVAL, MOST_PARTS};
pub(crate) use convert::{row_to_proto, value_to_proto};
pub(crate) use fault::Fault;
pub(crate) use rest::router;
pub(crate) use work::{Admission, Desk};
