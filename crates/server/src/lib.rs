//! REST, pages, metrics, limits, shutdown; adapts the ports.
