"""Reads an event folder with TensorBoard's own readers and prints what they saw as JSON."""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.plugins.hparams import plugin_data_pb2
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


def content(tag):
    data = plugin_data_pb2.HParamsPluginData()
    data.ParseFromString(accumulator.SummaryMetadata(tag).plugin_data.content)
    return data


def value(of):
    return getattr(of, of.WhichOneof("kind"))


hyper = {}
if "_hparams_/session_start_info" in tags["tensors"]:
    start = content("_hparams_/session_start_info").session_start_info
    experiment = content("_hparams_/experiment").experiment
    hyper = {
        "values": {name: value(of) for name, of in start.hparams.items()},
        "started": start.start_time_secs,
        "columns": [[info.name, info.type] for info in experiment.hparam_infos],
        "figures": [info.name.tag for info in experiment.metric_infos],
        "status": content("_hparams_/session_end_info").session_end_info.status,
    }
graph = [[node.name, node.op, list(node.input)] for node in accumulator.Graph().node] if tags["graph"] else []
print(
    json.dumps(
        {
            "hyper": hyper,
            "graph": graph,
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
                if not t.startswith("_hparams_")
            },
            "migrated": migrated,
        }
    )
)
