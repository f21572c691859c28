//! `Embed`: vectors of items or users by that side's tower of a model that is loaded.
//!
//! For change streams whose model runs elsewhere, and over REST (`/v1/embed`) for any that are not ours. The decision:
//! fields come as the JSON object that the stream's join gave, and are typed here, by the same code, so that a vector has
//! the same bits wherever it was made.

use rankine_feature::{Side, Value};
use rankine_pipeline::stream::JoinedRow;
use rankine_predict::{Row, Snapshot, Wanted, embed_side};

use super::proto;
use crate::predict::Fault;

/// Answers a question from one snapshot.
///
/// # Errors
/// NOT_FOUND (404) for a model or version that is not loaded, INVALID_ARGUMENT (400) for one without a tower of that side.
pub(crate) fn answer(
    snapshot: &Snapshot,
    request: proto::EmbedRequest,
) -> Result<proto::EmbedResponse, Fault> {
    let wanted = Some(request.version).filter(|version| *version > 0);
    let found = snapshot.artefact(&request.model, wanted);
    let (version, artefact) = found.map_err(|e| Fault::not_found(e.to_string()))?;
    let invalid = |message: &dyn std::fmt::Display| Fault::invalid("model", message.to_string());
    let plan = artefact
        .plan()
        .ok_or_else(|| invalid(&"the model has no towers"))?;
    if !plan.dictionaries().is_empty() {
        return Err(invalid(&"the model's conf reads dictionaries: embed in process"));
    }
    let wanted = Wanted {
        users: request.users,
        raw: false,
    };
    let width = embed_side(artefact, plan, wanted, [])
        .map_err(|e| invalid(&e))?
        .width;
    let side = if request.users { Side::User } else { Side::Item };
    let fields = plan.schema().side(side);
    let vector = |row: proto::EmbedRow| -> Result<Vec<f32>, String> {
        let cells = serde_json::from_str(&row.fields).map_err(|e| format!("fields: {e}"))?;
        let (id, joined) = (
            row.id,
            JoinedRow {
                id: row.id,
                as_of: 0,
                cells,
            },
        );
        let typed = fields
            .iter()
            .map(|field| Ok((field.name.clone(), joined.value(&field.name, field.ty)?)));
        let values: Vec<(std::sync::Arc<str>, Value)> = typed.collect::<Result<_, String>>()?;
        embed_side(artefact, plan, wanted, [(id, Row::of(values))])
            .map(|made| made.floats)
            .map_err(|e| e.to_string())
    };
    let rows = request.rows.into_iter().map(|row| match vector(row) {
        Ok(vector) => proto::EmbeddedRow {
            vector,
            fault: String::new(),
        },
        Err(fault) => proto::EmbeddedRow {
            vector: Vec::new(),
            fault,
        },
    });
    Ok(proto::EmbedResponse {
        version,
        width: u32::try_from(width).unwrap_or(u32::MAX),
        rows: rows.collect(),
        checksum: artefact.manifest().checksum.clone(),
    })
}
