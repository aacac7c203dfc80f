"""A trained network as an ONNX file whose matrices have 8 bits a weight, quantised by channel (needs onnx)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_int8(network: nn.Module, outputs: Sequence[str], path: Path, longest: int = 512) -> None:
    """Write a network of the three usual inputs; rows and tokens are free, and no name of this machine is kept."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    network = network.float().cpu().eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = torch.tensor([[2, 5, 6, 7, 3, 8, 9, 3]] * 2)
    rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens", min=4, max=longest)
    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch 2.13's exporter warns of its own deprecated parts
        plain = Path(scratch) / "plain.onnx"
        torch.onnx.export(
            network,
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            plain,
            input_names=list(INPUTS),
            output_names=list(outputs),
            dynamic_shapes=({0: rows, 1: tokens},) * 3,
            dynamo=True,
            verbose=False,
        )
        quantize_dynamic(plain, path, per_channel=True, weight_type=QuantType.QInt8)
    model = onnx.load(path)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save(model, path)


def session(path: Path, threads: int = 1) -> Any:
    """Open an ONNX file on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
