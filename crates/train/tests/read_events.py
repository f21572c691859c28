"""Reads an event folder with TensorBoard's own readers and prints what they saw as JSON."""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.util import tensor_util

accumulator = event_accumulator.EventAccumulator(
    sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0}
)
accumulator.Reload()
tags = accumulator.Tags()
files = event_accumulator.io_wrapper.ListDirectoryAbsolute(sys.argv[1])
migrated = [
    [value.tag, event.step, tensor_util.make_ndarray(value.tensor).tolist()]
    for name in sorted(files)
    for event in event_file_loader.EventFileLoader(name).Load()
    for value in event.summary.value
    if value.metadata.plugin_data.plugin_name == "scalars"
]
print(
    json.dumps(
        {
            "scalars": {t: [[e.step, e.wall_time, e.value] for e in accumulator.Scalars(t)] for t in tags["scalars"]},
            "histograms": {
                t: [
                    [e.step, h.min, h.max, h.num, h.sum, h.sum_squares, list(h.bucket_limit), list(h.bucket)]
                    for e in accumulator.Histograms(t)
                    for h in [e.histogram_value]
                ]
                for t in tags["histograms"]
            },
            "texts": {
                t: [tensor_util.make_ndarray(e.tensor_proto)[0].decode() for e in accumulator.Tensors(t)]
                for t in tags["tensors"]
            },
            "migrated": migrated,
        }
    )
)
