//! Batches, losses, backward, optimisers, loop, metrics, TensorBoard, cards.
