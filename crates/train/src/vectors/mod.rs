//! Samples that are vectors made elsewhere: `label,u1,…,un,i1,…,im` as text, or ids joined to files of vectors.
//!
//! Such a file has no conf, so one is made ([`conf`]): the user's vector is slot 1, the item's slot 2, each a field of that
//! side, so the published model takes vectors in its requests. Decision: a line that cannot be read stops the reading
//! with its number, or is left out, listed and told: a training set with holes of unknown size is worth nothing.

mod joined;
mod summary;
#[cfg(test)]
mod tests;
mod text;

pub use joined::{Joined, JoinedSamples};
pub use summary::{Summary, summary};
pub use text::VectorText;

/// The name of the made conf, and so of `conf` in a model file for such samples.
pub const NAME: &str = "vectors";

/// The conf of samples whose vectors are this long.
#[must_use]
pub fn conf(user: usize, item: usize) -> String {
    format!(
        "format = 1\nname = \"{NAME}\"\nschema.user = [{{ name = \"user\", type = \"vector<{user}>\" }}]\n\
         schema.item = [{{ name = \"item\", type = \"vector<{item}>\" }}]\nsample = {{ label = [\"label\"] }}\n\n\
         [[feature]]\nname = \"user_vector\"\nclass = \"raw\"\nslot = 1\ndepend = [\"user\"]\n\n\
         [[feature]]\nname = \"item_vector\"\nclass = \"raw\"\nslot = 2\ndepend = [\"item\"]\n"
    )
}
