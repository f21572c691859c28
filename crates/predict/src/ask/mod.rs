//! One question, many models: a user, a context and items once, confs and models by name, every score back.
//!
//! In the flow: the server's gRPC and REST make a [`Question`], the predictor answers with an [`Answer`]. A question
//! takes one snapshot of everything at entry. Per distinct conf hash features are extracted once: the common part once,
//! an item's part once per task (or found among the kept ones), cross parts once per candidate; every model of the conf
//! reads them. Items are cut into tasks, tasks run on the CPU pool, their results are merged in request order by conf
//! and model. The decision here: what fails alone is answered alone, an item, a model, a conf; only what concerns the
//! whole question (its form, its time, the load) fails the whole.

mod admit;
mod answer;
mod cut;
mod explain;
mod extract;
mod group;
mod prepare;
mod question;
mod run;
mod shelves;
mod side;
mod tap;
mod task;

pub(crate) use admit::Gate;
pub use admit::Permit;
pub use answer::{
    Absence, Answer, ConfAnswer, ItemScore, ModelAnswer, ModelError, ModelFault, ModelScores, Reason,
};
pub use extract::{ConfSlots, ItemSlots, SlotContent, SlotData};
pub use question::{Ask, Cancel, Question, QuestionItem};

pub use tap::{Tap, Tapped};

pub(crate) use task::Pads;
