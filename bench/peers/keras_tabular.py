"""Keras peer of train-tabular: SparrowRecSys's NeuralCF and EmbeddingMLP on encoded arrays.

Prints one JSON line: samples per CPU-second of model.fit, and the test ROC-AUC.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

import tabular_data


def neuralcf(sizes):
    user, movie = tf.keras.Input((), dtype="int64"), tf.keras.Input((), dtype="int64")
    x = tf.keras.layers.Concatenate()([
        tf.keras.layers.Embedding(sizes["movie"], 10)(movie), tf.keras.layers.Embedding(sizes["user"], 10)(user)])
    for _ in range(2):
        x = tf.keras.layers.Dense(10, activation="relu")(x)
    return tf.keras.Model([user, movie], tf.keras.layers.Dense(1, activation="sigmoid")(x))


def embeddingmlp(sizes):
    user, movie = tf.keras.Input((), dtype="int64"), tf.keras.Input((), dtype="int64")
    genres, numerics = tf.keras.Input((8,), dtype="int64"), tf.keras.Input((7,))
    x = tf.keras.layers.Concatenate()([
        tf.keras.layers.Embedding(sizes["movie"], 10)(movie), tf.keras.layers.Embedding(sizes["user"], 10)(user),
        tf.keras.layers.Flatten()(tf.keras.layers.Embedding(sizes["genre"], 10)(genres)), numerics])
    for _ in range(2):
        x = tf.keras.layers.Dense(128, activation="relu")(x)
    return tf.keras.Model([user, movie, genres, numerics], tf.keras.layers.Dense(1, activation="sigmoid")(x))


def main():
    kind, train, test, batch, epochs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(1)
    a, b, sizes = tabular_data.encode(tabular_data.read(train), tabular_data.read(test))
    names = ["user", "movie"] if kind == "neuralcf" else ["user", "movie", "genres", "numerics"]
    model = {"neuralcf": neuralcf, "embeddingmlp": embeddingmlp}[kind](sizes)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
    x = [a[n] for n in names]
    model.fit([v[:batch] for v in x], a["label"][:batch], batch_size=batch, epochs=1, verbose=0)  # trace the graph
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(x, a["label"], batch_size=batch, epochs=epochs, shuffle=True, verbose=0)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    score = model.predict([b[n] for n in names], batch_size=4096, verbose=0)[:, 0]
    print(json.dumps({"rate": len(a["label"]) * epochs / cpu, "wall_rate": len(a["label"]) * epochs / wall,
                      "auc": float(roc_auc_score(b["label"], np.asarray(score))), "version": tf.__version__}))


main()
