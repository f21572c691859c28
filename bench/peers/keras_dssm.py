"""Keras peer of the bench dssm: the document's model and `fit`, arrays in memory, one thread; prints one JSON line."""

import json
import sys
import time

import numpy
import tensorflow as tf
from tensorflow import keras

folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(1)
train, valid = (numpy.load(f"{folder}/{name}.npy") for name in ("train", "valid"))
user, item = keras.Input((128,)), keras.Input((128,))
towers = [keras.layers.Dense(64, activation="relu")(side) for side in (user, item)]
prob = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Multiply()(towers))
model = keras.Model([user, item], prob)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
split = lambda a: ([a[:, 1:129], a[:, 129:]], a[:, 0])
(x, y), held = split(train), split(valid)
cpu = time.process_time()
history = model.fit(x, y, batch_size=batch, epochs=epochs, shuffle=True, validation_data=held, verbose=0)
cpu = time.process_time() - cpu
print(json.dumps({"rate": len(train) * epochs / cpu, "loss": history.history["val_loss"][-1], "version": keras.__version__}))
