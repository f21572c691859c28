//! The JSON API of the site port.
