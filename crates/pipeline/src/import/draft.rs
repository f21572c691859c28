//! What a format has read so far: items, users, events, rejects.
//!
//! Formats hand over rows as text; this file applies the rules that hold for all of them. The decision:
//! listing rules live here once, so that every format rejects the same things for the same reasons.

use std::path::Path;

use rankine_table::{Form, Progress, Record, RejectFile, RowReader, Step, stream};

use super::event_columns::{EventColumns, EventRow};
use super::fields::Problem;
use super::ids::{Ids, Resolved};
use crate::{Item, PipelineError, User};

/// Rows between two words to the progress.
const PACE: u64 = 4_096;

/// Collects what a source holds.
pub(super) struct Draft<'a> {
    pub(super) rejects: RejectFile,
    pub(super) notes: Vec<String>,
    pub(super) events: EventColumns,
    progress: &'a Progress,
    item_ids: Ids,
    items: Vec<Option<Item>>,
    user_ids: Ids,
    users: Vec<Option<User>>,
    closed: bool,
}

/// Everything of a source, with final ids.
pub(super) struct Finished {
    pub(super) items: Vec<Item>,
    pub(super) users: Vec<User>,
    pub(super) item_ids: Vec<i64>,
    pub(super) user_ids: Vec<i64>,
    pub(super) events: EventColumns,
    pub(super) rejects: RejectFile,
    pub(super) notes: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(rejects: RejectFile, progress: &'a Progress) -> Self {
        Self {
            rejects,
            notes: Vec::new(),
            events: EventColumns::default(),
            progress,
            item_ids: Ids::default(),
            items: Vec::new(),
            user_ids: Ids::default(),
            users: Vec::new(),
            closed: false,
        }
    }

    /// Adds an item the source lists; its id is `text`.
    pub(super) fn item(&mut self, text: &str, item: Item) -> Result<(), Problem> {
        let index = self.item_ids.intern(text);
        place(&mut self.items, index, item, || {
            format!("item {text} is listed before")
        })
    }

    /// Whether an item is listed.
    pub(super) fn has_item(&self, text: &str) -> bool {
        self.item_ids
            .find(text)
            .is_some_and(|at| self.items.get(at as usize).is_some_and(Option::is_some))
    }

    /// An item that is listed already, to complete it.
    pub(super) fn listed_item(&mut self, text: &str) -> Result<&mut Item, Problem> {
        let index = self.item_ids.find(text);
        let item = index.and_then(|index| self.items.get_mut(index as usize)?.as_mut());
        item.ok_or_else(|| unknown_item(text))
    }

    /// Adds a user the source lists; its id is `text`.
    pub(super) fn user(&mut self, text: &str, user: User) -> Result<(), Problem> {
        let index = self.user_ids.intern(text);
        place(&mut self.users, index, user, || {
            format!("user {text} is listed before")
        })
    }

    /// From now on, events of items that are not listed are rejects; before, they list the item.
    pub(super) fn close_items(&mut self) {
        self.closed = true;
    }

    /// Adds an event.
    pub(super) fn event(&mut self, row: &EventRow<'_>) -> Result<(), Problem> {
        let item = if self.closed {
            self.item_ids
                .find(row.item)
                .ok_or_else(|| unknown_item(row.item))?
        } else {
            self.item_ids.intern(row.item)
        };
        let user = self.user_ids.intern(row.user);
        let pushed = self.events.push(user, item, row);
        if pushed {
            Ok(())
        } else {
            Err(Problem::new(
                "full",
                "more than 2^32 events or 256 kinds of event",
            ))
        }
    }

    /// Reads chosen columns of a file row by row; what `take` refuses, and what cannot be read, is a
    /// reject.
    pub(super) fn read(
        &mut self,
        path: &Path,
        form: &Form,
        columns: &[&str],
        mut take: impl FnMut(&mut Self, &Record) -> Result<(), Problem>,
    ) -> Result<(), PipelineError> {
        let mut reader = RowReader::open(path, form, columns)?;
        let progress = self.progress;
        let mut stage = progress.stage(&format!("reading {}", name_of(path)), plain_size(path, form));
        let (mut record, mut rows, mut bytes) = (Record::default(), 0, 0);
        loop {
            let fault = match reader.next(&mut record)? {
                Step::End => break,
                Step::Fault(fault) => Some(fault),
                Step::Row => take(self, &record)
                    .err()
                    .map(|problem| record.fault(problem.rule, problem.reason)),
            };
            if let Some(fault) = fault {
                self.rejects.reject(path, &fault)?;
            }
            rows += 1;
            bytes += record.raw().len() as u64;
            if rows % PACE == 0 {
                stage.add(std::mem::take(&mut bytes));
            }
        }
        stage.finish(&format!("{rows} rows"));
        Ok(())
    }

    /// Gives everything its final id. An item without title is called by its source id.
    pub(super) fn finish(self) -> Finished {
        let item_ids = self.item_ids.resolve();
        let user_ids = self.user_ids.resolve();
        Finished {
            items: completed(self.items, &item_ids, name_item),
            users: completed(self.users, &user_ids, name_user),
            item_ids: item_ids.iter().map(|resolved| resolved.id).collect(),
            user_ids: user_ids.iter().map(|resolved| resolved.id).collect(),
            events: self.events,
            rejects: self.rejects,
            notes: self.notes,
        }
    }
}

fn place<T>(
    rows: &mut Vec<Option<T>>,
    index: u32,
    row: T,
    double: impl Fn() -> String,
) -> Result<(), Problem> {
    let index = index as usize;
    if rows.len() <= index {
        rows.resize_with(index + 1, || None);
    }
    match &mut rows[index] {
        Some(_) => Err(Problem::new("duplicate", double())),
        free => {
            *free = Some(row);
            Ok(())
        }
    }
}

fn unknown_item(text: &str) -> Problem {
    Problem::new("unknown item", format!("item {text} is not listed"))
}

fn completed<T: Default>(rows: Vec<Option<T>>, ids: &[Resolved], name: impl Fn(&mut T, &Resolved)) -> Vec<T> {
    let mut rows = rows.into_iter();
    let complete = |id: &Resolved| {
        let mut row = rows.next().flatten().unwrap_or_default();
        name(&mut row, id);
        row
    };
    ids.iter().map(complete).collect()
}

fn name_item(item: &mut Item, id: &Resolved) {
    (item.id, item.key) = (id.id, id.key.clone());
    if item.title.is_empty() {
        item.title.clone_from(&id.text);
    }
}

fn name_user(user: &mut User, id: &Resolved) {
    (user.id, user.key) = (id.id, id.key.clone());
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Bytes of text to come, where the file's size tells it; 0 otherwise.
fn plain_size(path: &Path, form: &Form) -> u64 {
    let packed =
        path.extension().map(|end| end.to_string_lossy().to_lowercase()) != stream::inner_extension(path);
    if packed || *form == Form::Parquet {
        return 0;
    }
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
