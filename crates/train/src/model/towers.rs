//! The towers of a two-sided network with first weights.

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_kernel::activation::Activation;
use rankine_model::Network;

use super::Settings;
use crate::backward::{
    Behind, Combine, Dense, Dropout, Embedding, Excitation, Mlp, Preference, Tower, Towers,
};

/// What the towers' dropouts are seeded apart by.
const SEEDS: [u64; 3] = [0x1000, 0x2000, 0x3000];

/// What a preference's dropout is seeded apart from its tower's by.
const PREFERENCE: u64 = 0x800;

/// The towers of `network`; none where it has none.
pub(super) fn towers<T: Real>(
    network: &Network,
    settings: &Settings,
    random: &mut Xoshiro256PlusPlus,
) -> Option<Towers<T>> {
    let described = network.towers.as_ref()?;
    let mut make = |tower, seeds| self::tower(network, settings, (tower, seeds), random);
    let user = make(&described.user, SEEDS[0]);
    let item = make(&described.item, SEEDS[1]);
    let context = make(&described.context, SEEDS[2]);
    let combine = Combine::new(described, settings.init, random);
    Some(Towers::new(user, item, context, combine))
}

fn tower<T: Real>(
    network: &Network,
    settings: &Settings,
    (tower, seeds): (&rankine_model::Tower, u64),
    random: &mut Xoshiro256PlusPlus,
) -> Tower<T> {
    let columns = tower.columns.iter();
    let columns = columns.map(|&c| (c, network.columns[c].table, network.dim(c)));
    let input = Embedding::new(columns, tower.dense_width(network)).after(tower.dense_from(network));
    let input = input.with_spare(usize::from(tower.preference.is_some()));
    let named = tower.layers(network);
    let last = named.len().saturating_sub(1);
    let (mut layers, mut behind) = (Vec::new(), Vec::new());
    for (i, (name, inputs, outputs)) in named.iter().enumerate() {
        let own = tower.behind(network, i);
        let shape = (*inputs, *outputs);
        layers.push(Dense::drawn(name, shape, own.own(), settings.init, random));
        behind.push(Behind::new(own.layers(name, *outputs), random));
    }
    let excitation = match tower.excitation(network).as_slice() {
        [(squeeze, fields, low), (excite, _, _)] => {
            let mut layer = |name, shape, f| Dense::drawn(name, shape, f, settings.init, random);
            let squeeze = layer(squeeze, (*fields, *low), Activation::Relu);
            let excite = layer(excite, (*low, *fields), Activation::Sigmoid);
            Some(Excitation::new(tower.fields(network), [squeeze, excite]))
        }
        _ => None,
    };
    let seed = |i: u64| {
        let number = seeds.wrapping_add(i);
        settings
            .seed
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(number)
    };
    let dropouts = (1..=last as u64).filter_map(|i| Dropout::new(settings.hidden_dropout, seed(i)));
    // a bias has no input to drop
    let share = if input.width() > 0 {
        settings.input_dropout
    } else {
        0.0
    };
    let mlp = Mlp::new(layers, Dropout::new(share, seed(0)), dropouts.collect()).with_behind(behind);
    let preference = Preference::new(network, tower, seed(PREFERENCE));
    Tower::new(input, excitation, mlp).with_preference(preference)
}
