//! The change stream against real programs, in one test program: one link, one PostgreSQL for all.

#[cfg(test)]
mod example;
#[cfg(test)]
mod insert;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod worker;
