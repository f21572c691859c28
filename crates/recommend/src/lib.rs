//! Catalogue, recall strategies, merge, filters, ranking ports.
