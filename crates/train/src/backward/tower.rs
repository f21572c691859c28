//! Towers: `logit = scale · combine(user, item) / temperature + context`, each side an input and a stack of its own.
//!
//! The gradient of a logit reaches the two vectors through the combination, and the context's number as it is; from there
//! each stack goes down by itself, so nothing of one side is seen by another. An objective over a whole batch asks for the
//! two sides apart: queries of users, keys of items, and gradients of either back.

use rankine_kernel::Real;

use super::{Behind, Combine, Dense, Dropout, Embedding, Excitation, Mlp, Mode, Parted, Preference};
use crate::encode::Batch;
use crate::table::Table;

/// One tower: its input, the weights of its fields and its layers.
#[derive(Clone, Debug)]
pub struct Tower<T> {
    input: Embedding,
    /// The input without its numbers, which take no gradient.
    columns: Embedding,
    preference: Option<Preference<T>>,
    /// Where the first layer reads nothing of a preference that is not there.
    parted: Option<Parted<T>>,
    excitation: Option<Excitation<T>>,
    mlp: Mlp<T>,
}

/// The three towers of a two-sided model, and how the first two meet.
#[derive(Clone, Debug)]
pub struct Towers<T> {
    user: Tower<T>,
    item: Tower<T>,
    context: Tower<T>,
    /// How the vectors become one number.
    pub combine: Combine<T>,
}

impl<T: Real> Tower<T> {
    /// A tower of an input and the layers over it; without inputs there must be one layer of one number, a bias.
    #[must_use]
    pub fn new(input: Embedding, excitation: Option<Excitation<T>>, mlp: Mlp<T>) -> Self {
        Self {
            columns: input.sparse(),
            input,
            preference: None,
            parted: None,
            excitation,
            mlp,
        }
    }

    /// The same with a part of its input that may be missing.
    #[must_use]
    pub fn with_preference(self, preference: Option<Preference<T>>) -> Self {
        let plain = self.excitation.is_none() && self.mlp.reads_in_place();
        let parted = preference.as_ref().filter(|_| plain);
        Self {
            parted: parted.map(|preference| Parted::new(preference.spans())),
            preference,
            ..self
        }
    }

    fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode) {
        let rows = batch.len();
        if let Some(x) = self.in_place(batch) {
            return self.mlp.forward_block(rows, mode, x);
        }
        let x = self.mlp.input(rows * self.input.width());
        if let (Some(preference), Some(parted)) = (&mut self.preference, &mut self.parted) {
            let order = parted.sort(preference.look(batch, mode));
            self.input.forward_in(tables, batch, order, x);
            parted.mark(x, self.input.width());
            return self.mlp.forward_parted(rows, mode, parted);
        }
        if self.input.width() > 0 {
            self.input.forward(tables, batch, x);
            if let Some(preference) = &mut self.preference {
                preference.forward(batch, mode, (x, self.input.width()));
            }
            if let Some(excitation) = &mut self.excitation {
                excitation.forward(rows, x);
            }
            return self.mlp.forward(rows, mode);
        }
        if let Some((layer, y)) = self.mlp.first(rows) {
            y.fill(layer.bias.first().copied().unwrap_or(T::ZERO));
        }
    }

    /// The input where it lies in the batch: nothing but numbers, of which nothing is changed or dropped.
    fn in_place<'b>(&self, batch: &'b Batch<T>) -> Option<(&'b [T], usize)> {
        let plain = self.preference.is_none() && self.excitation.is_none() && self.mlp.reads_in_place();
        self.input.in_place(batch).filter(|_| plain)
    }

    /// Adds the gradients, from the filled gradient of the output.
    fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>) {
        if let Some(x) = self.in_place(batch) {
            return self.mlp.backward_block(batch.len(), x);
        }
        if let (Some(preference), Some(parted)) = (&self.preference, &mut self.parted) {
            let leading = self.columns.width();
            let dx = self.mlp.backward_parted(batch.len(), leading, parted);
            if leading > 0 {
                preference.backward((dx, leading));
                self.columns.backward(tables, batch, dx);
            }
            return;
        }
        if self.input.width() > 0 && self.input.stretches().is_empty() && self.excitation.is_none() {
            return self.mlp.backward_inert(batch.len());
        }
        if self.input.width() > 0 && self.excitation.is_none() {
            let leading = self.columns.width();
            if let Some(dx) = self.mlp.backward_leading(batch.len(), leading) {
                if let Some(preference) = &self.preference {
                    preference.backward((dx, leading));
                }
                return self.columns.backward(tables, batch, dx);
            }
        }
        if self.input.width() > 0 {
            let dx = self.mlp.backward(batch.len());
            if let Some(excitation) = &mut self.excitation {
                excitation.backward(batch.len(), dx);
            }
            if let Some(preference) = &self.preference {
                preference.backward((dx, self.input.width()));
            }
            return self.input.backward(tables, batch, dx);
        }
        let slopes: T = self.mlp.gradient().iter().copied().sum();
        if let Some(layer) = self.mlp.layers.first_mut() {
            layer.bias_gradient.iter_mut().for_each(|bias| *bias += slopes);
        }
    }
}

impl<T: Real> Tower<T> {
    fn dropouts_mut(&mut self) -> impl Iterator<Item = &mut Dropout<T>> {
        let own = self.preference.iter_mut().flat_map(|p| &mut p.dropout);
        self.mlp.dropouts_mut().chain(own)
    }

    fn layers(&self) -> impl Iterator<Item = &Dense<T>> {
        let excitation = self.excitation.iter().flat_map(|e| &e.layers);
        self.mlp.blocks().chain(excitation)
    }

    fn layers_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let excitation = self.excitation.iter_mut().flat_map(|e| &mut e.layers);
        self.mlp.blocks_mut().chain(excitation)
    }
}

impl<T: Real> Towers<T> {
    /// The towers; user and item give vectors that `combine` takes, the context one number.
    #[must_use]
    pub fn new(user: Tower<T>, item: Tower<T>, context: Tower<T>, combine: Combine<T>) -> Self {
        Self {
            user,
            item,
            context,
            combine,
        }
    }

    /// Whether a layer's figures are those of the whole batch.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let towers = [&self.user, &self.item, &self.context];
        let mut behind = towers.into_iter().flat_map(|tower| &tower.mlp.behind);
        behind.any(Behind::is_whole)
    }

    /// The dropouts of all towers.
    pub fn dropouts_mut(&mut self) -> impl Iterator<Item = &mut Dropout<T>> {
        self.all_mut().into_iter().flat_map(Tower::dropouts_mut)
    }

    /// Writes each sample's logit.
    pub fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode, logits: &mut [T]) {
        for tower in self.all_mut() {
            tower.forward(tables, batch, mode);
        }
        logits.copy_from_slice(self.context.mlp.output());
        self.combine
            .forward(self.user.mlp.output(), self.item.mlp.output(), logits);
    }

    /// Adds the gradients of everything, from those of the logits.
    pub fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T]) {
        let len = batch.len() * self.combine.dim();
        let (users, items) = (
            self.user.mlp.output_gradient(len),
            self.item.mlp.output_gradient(len),
        );
        self.combine.backward(users, items, slopes);
        let to_context = self.context.mlp.output_gradient(batch.len()).1;
        to_context.copy_from_slice(slopes);
        for tower in self.all_mut() {
            tower.backward(tables, batch);
        }
    }

    /// The queries of the users of a batch, one per sample.
    pub fn queries(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode) -> &[T] {
        self.user.forward(tables, batch, mode);
        self.combine.queries(self.user.mlp.output())
    }

    /// The keys of the items of a batch, one per sample.
    pub fn keys(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode) -> &[T] {
        self.item.forward(tables, batch, mode);
        self.combine.keys(self.item.mlp.output())
    }

    /// Adds the gradients of the user tower over the batch last asked for queries, from those of the queries.
    pub fn backward_queries(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, gradient: &[T]) {
        let (users, to_user) = self.user.mlp.output_gradient(gradient.len());
        to_user.copy_from_slice(gradient);
        self.combine.backward_users(users, to_user);
        self.user.backward(tables, batch);
    }

    /// Adds the gradients of the item tower over the batch last asked for keys, from those of the keys.
    pub fn backward_keys(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, gradient: &[T]) {
        let to_item = self.item.mlp.output_gradient(gradient.len()).1;
        to_item.copy_from_slice(gradient);
        self.combine.backward_items(to_item);
        self.item.backward(tables, batch);
    }

    /// The bias that is the context's number where it reads nothing.
    pub fn bias(&self) -> T {
        let layer = self.context.mlp.layers.first();
        layer
            .and_then(|layer| layer.bias.first())
            .copied()
            .unwrap_or(T::ZERO)
    }

    /// Adds to the gradients of that bias and of the combination's factor.
    pub fn add_outer(&mut self, bias: T, factor: T) {
        let context = self.context.mlp.layers.first_mut();
        if let Some(gradient) = context.and_then(|layer| layer.bias_gradient.first_mut()) {
            *gradient += bias;
        }
        self.combine.add_factor(factor);
    }

    fn all_mut(&mut self) -> [&mut Tower<T>; 3] {
        [&mut self.user, &mut self.item, &mut self.context]
    }

    /// All layers in a fixed order: the user's, the item's, the context's; not the weights of the combination.
    pub fn layers(&self) -> impl Iterator<Item = &Dense<T>> {
        let towers = [&self.user, &self.item, &self.context];
        towers.into_iter().flat_map(Tower::layers)
    }

    /// As [`Towers::layers`], to be changed.
    pub fn layers_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        self.all_mut().into_iter().flat_map(Tower::layers_mut)
    }

    /// Every layer to be changed: [`Towers::layers`], then the weights of the combination.
    pub fn every_layer_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let towers = [&mut self.user, &mut self.item, &mut self.context];
        let layers = towers.into_iter().flat_map(Tower::layers_mut);
        layers.chain(&mut self.combine.weights)
    }
}
