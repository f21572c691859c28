//! One distinct conf hash of a question: its plan, the values and features of user and context, its models.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rankine_feature::{Field, Part, Scratch, Side, Value};
use rankine_model::Hidden;

use super::admit::Permit;
use super::answer::{ModelError, ModelFault};
use super::question::{Question, QuestionItem};
use super::side::{self, Places, RowPlaces};
use crate::conf::{Bound, Conf};
use crate::model::Engine;
use crate::project::Misfit;
use crate::row::Row;

/// See the module.
pub(super) struct Group<'a> {
    pub(super) conf: Arc<Conf>,
    pub(super) bound: Arc<Bound>,
    pub(super) user: Vec<Value>,
    pub(super) context: Vec<Value>,
    /// Features of user and context.
    pub(super) common: Part,
    /// Where item fields are found among what items give.
    pub(super) places: Places,
    pub(super) members: Vec<Member<'a>>,
}

/// One model of a group.
pub(super) struct Member<'a> {
    pub(super) engine: Engine<'a>,
    /// What the model makes of user and context.
    pub(super) hidden: Hidden,
    /// Names under which an item may want it.
    pub(super) names: [&'a str; 3],
    /// Its place under the model's own limit.
    pub(super) _permit: Option<Permit>,
}

impl<'a> Group<'a> {
    /// Extracts the common part.
    pub(super) fn new(conf: Arc<Conf>, bound: Arc<Bound>, question: &Question) -> Result<Self, ModelError> {
        let fields = bound.plan.schema().side(Side::Item);
        let mut group = Self {
            places: Places::new(fields, &question.item_fields),
            user: Vec::new(),
            context: Vec::new(),
            common: Part::default(),
            members: Vec::new(),
            conf,
            bound,
        };
        group.fill(question)?;
        let extract = || {
            let mut scratch = Scratch::default();
            let plan = &group.bound.plan;
            plan.common(&group.user, &group.context, &mut scratch, &mut group.common);
        };
        match catch_unwind(AssertUnwindSafe(extract)) {
            Ok(()) => Ok(group),
            Err(_) => Err(internal("extracting user and context")),
        }
    }

    fn fill(&mut self, question: &Question) -> Result<(), ModelError> {
        let plan = Arc::clone(&self.bound.plan);
        let (users, contexts) = (plan.schema().side(Side::User), plan.schema().side(Side::Context));
        let rows = question.rows.as_deref();
        let known = self.user_id(users, &question.user).and_then(|id| rows?.user(id));
        common_side(users, &question.user, known.as_ref(), &mut self.user).map_err(|m| input("user", &m))?;
        let known = rows.and_then(|rows| rows.context());
        common_side(contexts, &question.context, known.as_ref(), &mut self.context)
            .map_err(|m| input("context", &m))
    }

    fn user_id(&self, fields: &[Field], user: &Row) -> Option<i64> {
        let field = &fields[self.conf.user_key?];
        match crate::project::fit(field, user.get(&field.name)?) {
            Ok(Value::Int(id)) => Some(id),
            _ => None,
        }
    }

    /// Adds a model: what it makes of user and context.
    pub(super) fn join(
        &mut self,
        engine: Engine<'a>,
        names: [&'a str; 3],
        permit: Option<Permit>,
    ) -> Result<usize, ModelError> {
        let mut hidden = Hidden::default();
        let compute = || engine.scorer.common(&self.common, &mut hidden);
        catch_unwind(AssertUnwindSafe(compute)).map_err(|_| internal("scoring user and context"))?;
        self.members.push(Member {
            engine,
            hidden,
            names,
            _permit: permit,
        });
        Ok(self.members.len() - 1)
    }

    /// An item's values in the conf's order: what it gives, else its row, else its id.
    pub(super) fn item(
        &self,
        item: &QuestionItem,
        (rows, row): (&mut RowPlaces, Option<&Row>),
        out: &mut Vec<Value>,
    ) -> Result<(), Misfit> {
        let fields = self.bound.plan.schema().side(Side::Item);
        side::fill(fields, (&self.places, &item.given), (rows, row), out)?;
        if let Some(key) = self.conf.item_key
            && out[key].is_missing()
            && !self.places.gives(key, &item.given)
        {
            out[key] = Value::Int(item.id);
        }
        Ok(())
    }
}

impl Member<'_> {
    /// Whether an item wants this model.
    pub(super) fn wanted(&self, item: &QuestionItem) -> bool {
        item.models.is_empty() || item.models.iter().any(|model| self.names.contains(&&**model))
    }
}

fn common_side(
    fields: &[Field],
    given: &Row,
    known: Option<&Row>,
    out: &mut Vec<Value>,
) -> Result<(), Misfit> {
    let places = Places::new(fields, given.layout().names());
    let values = side::given(given);
    side::fill(
        fields,
        (&places, &values),
        (&mut RowPlaces::default(), known),
        out,
    )
}

fn input(side: &str, misfit: &Misfit) -> ModelError {
    ModelError {
        fault: ModelFault::Input,
        message: format!("{side} {misfit}"),
    }
}

/// A fault in the code, caught.
pub(super) fn internal(what: &str) -> ModelError {
    ModelError {
        fault: ModelFault::Internal,
        message: format!("internal fault while {what}"),
    }
}
