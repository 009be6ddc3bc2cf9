"""FE2E in PyTorch and in onnxruntime, with the weights and the inputs of `mesm bench --case`.

    fe2e.py CASE --threads 1 --rounds 10 [--onnx FILE]

Prints one JSON object: the seconds of each call, in turns, and how far the logits are from those in the case. With
--onnx the exported network is left there, for onnxruntime in a browser.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.numpy import load_file
from torch import nn


class Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation and ReLU."""

    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


def cnn(channels_in, widths):
    w0, w1, w2, w3 = widths
    return nn.Sequential(
        nn.Conv2d(channels_in, w0, 5, padding=2),
        nn.BatchNorm2d(w0),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Block(w0, w0),
        Block(w0, w0),
        Block(w0, w1),
        nn.MaxPool2d(2),
        Block(w1, w2),
        nn.MaxPool2d(2),
        Block(w2, w3),
        nn.MaxPool2d(2),
    )


class Sequence(nn.Module):
    """A learnt vector before the frames of one utterance, and a Transformer encoder."""

    def __init__(self, dim, layers, feedforward):
        super().__init__()
        layer = nn.TransformerEncoderLayer(dim, 4, feedforward, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.cls_emb = nn.Embedding(1, dim)

    def forward(self, rows):
        x = torch.cat([self.cls_emb.weight, rows], 0).unsqueeze(0)
        return self.encoder(x)[:, 0]


class Fe2e(nn.Module):
    """One utterance: text vector, faces and mel chunks to logits."""

    def __init__(self, state):
        super().__init__()
        shape = {name: value.shape for name, value in state.items()}
        widths = [shape[f"V.{i}.conv2.weight"][0] for i in (5, 6, 8, 10)]
        flatten, flattened = shape["v_flatten.0.weight"]
        dim = shape["v_flatten.2.weight"][0]
        layers = 1 + max(int(n.split(".")[3]) for n in shape if n.startswith("v_transformer.encoder.layers."))
        feedforward = shape["v_transformer.encoder.layers.0.linear1.weight"][0]
        classes, text = shape["t_out.weight"]
        self.V = cnn(3, widths)
        self.A = cnn(1, widths)
        self.v_flatten = nn.Sequential(nn.Linear(flattened, flatten), nn.ReLU(), nn.Linear(flatten, dim))
        columns = shape["a_flatten.0.weight"][1]
        self.a_flatten = nn.Sequential(nn.Linear(columns, flatten), nn.ReLU(), nn.Linear(flatten, dim))
        self.v_transformer = Sequence(dim, layers, feedforward)
        self.a_transformer = Sequence(dim, layers, feedforward)
        self.v_out = nn.Linear(dim, classes)
        self.a_out = nn.Linear(dim, classes)
        self.t_out = nn.Linear(text, classes)
        self.weighted_fusion = nn.Linear(3, 1, bias=False)
        self.register_buffer("mean", torch.tensor([159.0, 111.0, 102.0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([37.0, 33.0, 32.0]).view(1, 3, 1, 1), persistent=False)
        missing, unexpected = self.load_state_dict({n: torch.from_numpy(v) for n, v in state.items()}, strict=False)
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unexpected:
            sys.exit(f"the case does not fit this network: {missing=} {unexpected=}")

    def forward(self, text, faces, mels):
        faces = (faces - self.mean) / self.std
        visual = self.v_flatten(self.V(faces).flatten(1))
        acoustic = self.a_flatten(self.A(mels).flatten(1))
        logits = [
            self.t_out(text),
            self.v_out(self.v_transformer(visual)),
            self.a_out(self.a_transformer(acoustic)),
        ]
        return self.weighted_fusion(torch.stack(logits, -1)).squeeze(-1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--onnx", type=Path)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    case = load_file(arguments.case)
    inputs = {name: case.pop(f"input.{name}") for name in ("text", "faces", "mels")}
    expected = case.pop("logits")
    network = Fe2e(case).eval()
    tensors = tuple(torch.from_numpy(value) for value in inputs.values())

    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = arguments.onnx or Path(folder) / "fe2e.onnx"
        # PyTorch's fused encoder layer has no counterpart in ONNX.
        torch.backends.mha.set_fastpath_enabled(False)
        torch.onnx.export(
            network, tensors, str(path), input_names=list(inputs), output_names=["logits"], dynamo=False, opset_version=17
        )
        torch.backends.mha.set_fastpath_enabled(True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        peers = {
            "torch": lambda: network(*tensors).numpy(),
            "onnxruntime": lambda: session.run(None, inputs)[0],
        }
        errors = {}
        for name, call in peers.items():
            errors[name] = float(np.abs(call() - expected).max())
            call()
        seconds = {name: [] for name in peers}
        for _ in range(arguments.rounds):
            for name, call in peers.items():
                start = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - start)
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    print(
        json.dumps(
            {
                name: {
                    "version": versions[name],
                    "median_s": statistics.median(times),
                    "least_s": min(times),
                    "seconds": times,
                    "error": errors[name],
                }
                for name, times in seconds.items()
            }
        )
    )


if __name__ == "__main__":
    main()
