//! From instances to requests: what an instance leaves out is looked up by id, what it gives wins.
//!
//! The decision here: instances in a row with the same user and context become one request, so that the usual batch
//! (one user, hundreds of items) computes its common part once; an item given by its id alone keeps the row's version
//! and so its cached part, one with any field of its own is not cached.

use std::sync::Arc;

use rankine_feature::{Field, Side, Value};
use rankine_predict::{FeatureRows, ItemInput, Metadata, Request, Row};

use super::error::Refusal;
use super::instance::Instance;

/// Fields of one side with their places in an instance.
struct SideFields<'a> {
    fields: Vec<(usize, &'a Field)>,
    /// The field that is the id, among `fields`.
    key: Option<(usize, &'a str)>,
}

impl<'a> SideFields<'a> {
    fn of(known: &'a Metadata, side: Side, key: Option<&Arc<str>>) -> Self {
        let fields: Vec<_> = known
            .inputs
            .iter()
            .enumerate()
            .filter(|(_, f)| f.side == side)
            .collect();
        let key = fields
            .iter()
            .find(|(_, f)| key == Some(&f.name))
            .map(|(place, f)| (*place, &*f.name));
        Self { fields, key }
    }

    /// Whether two instances give the same values on this side.
    fn same(&self, a: &Instance, b: &Instance) -> bool {
        self.fields
            .iter()
            .all(|(place, _)| a.get(*place) == b.get(*place))
    }

    /// What the instance gives on this side.
    fn given(&self, instance: &Instance) -> Row {
        let pairs = self
            .fields
            .iter()
            .filter_map(|(place, field)| Some((*place, field, instance.get(*place)?)));
        Row::of(pairs.map(|(_, field, value)| (Arc::clone(&field.name), value.clone())))
    }

    /// The id the instance gives.
    fn id(&self, instance: &Instance) -> Option<i64> {
        let Value::Int(id) = instance.get(self.key?.0)? else {
            return None;
        };
        Some(*id)
    }

    /// Whether the instance gives nothing but the id.
    fn only_key(&self, instance: &Instance) -> bool {
        self.fields
            .iter()
            .all(|(place, _)| instance.get(*place).is_none() || self.key.map(|k| k.0) == Some(*place))
    }

    /// Without an id nothing can be looked up, so everything has to be given.
    fn complete(&self, index: usize, instance: &Instance) -> Result<(), Refusal> {
        if self.id(instance).is_some() {
            return Ok(());
        }
        let absent = self
            .fields
            .iter()
            .find(|(place, _)| instance.get(*place).is_none());
        absent.map_or(Ok(()), |(_, field)| {
            Err(missing(index, field, self.key.map(|k| k.1)))
        })
    }
}

fn missing(index: usize, field: &Field, key: Option<&str>) -> Refusal {
    let key = key.unwrap_or(&field.name);
    Refusal::invalid(format!(
        "Failed to process element: {index} of 'instances' list. Missing named input: {} of type {} (give it, or `{key}` \
         to have it looked up)",
        field.name, field.ty
    ))
}

/// Requests for all instances, in their order; each has the items of one run of equal users and contexts.
///
/// # Errors
/// 400 where a field is neither given nor can be looked up.
pub(super) fn requests(
    known: &Metadata,
    instances: &[Instance],
    rows: &dyn FeatureRows,
) -> Result<Vec<Request>, Refusal> {
    let user = SideFields::of(known, Side::User, known.user_key.as_ref());
    let item = SideFields::of(known, Side::Item, known.item_key.as_ref());
    let context = SideFields::of(known, Side::Context, None);
    let mut requests: Vec<Request> = Vec::new();
    let mut last: Option<&Instance> = None;
    for (index, instance) in instances.iter().enumerate() {
        if !last.is_some_and(|l| user.same(l, instance) && context.same(l, instance)) {
            user.complete(index, instance)?;
            requests.push(Request {
                user: user_row(&user, instance, rows),
                context: rows
                    .context()
                    .unwrap_or_default()
                    .overlaid(&context.given(instance)),
                ..Request::default()
            });
            last = Some(instance);
        }
        item.complete(index, instance)?;
        if let Some(request) = requests.last_mut() {
            request.items.push(item_input(&item, instance, rows));
        }
    }
    Ok(requests)
}

fn user_row(user: &SideFields<'_>, instance: &Instance, rows: &dyn FeatureRows) -> Row {
    let stored = user.id(instance).and_then(|id| rows.user(id)).unwrap_or_default();
    stored.overlaid(&user.given(instance))
}

fn item_input(item: &SideFields<'_>, instance: &Instance, rows: &dyn FeatureRows) -> ItemInput {
    let id = item.id(instance);
    let Some((row, version)) = id.and_then(|id| rows.item(id)) else {
        return ItemInput {
            id: id.unwrap_or_default(),
            row: item.given(instance),
            version: 0,
        };
    };
    let named = item.key.is_some_and(|(_, key)| row.get(key).is_some());
    let (id, plain) = (id.unwrap_or_default(), item.only_key(instance));
    let row = if plain && named {
        row
    } else {
        row.overlaid(&item.given(instance))
    };
    ItemInput {
        id,
        row,
        version: if plain { version } else { 0 },
    }
}
