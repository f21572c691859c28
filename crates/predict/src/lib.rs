//! Request to features to models to merged scores; common part once.
