//! What is shown of a model beside its figures: the picture of its network, and the page that holds everything.

pub mod chronicle;
mod drawing;
pub mod live;
mod page;
pub mod trials;

pub use drawing::drawing;
pub use page::page;
