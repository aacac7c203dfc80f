"""Export the trained network as the int8 ONNX model that rag.models.entailment reads; needs onnx and onnxscript."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn


def export(network: nn.Module, folder: Path) -> None:
    """Write the network to the folder's model.onnx, with matrices quantized to 8 bits per channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    network.eval()
    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        ids = torch.tensor([[2, 5, 6, 7, 3, 8, 9, 3]] * 2)
        rows, tokens = torch.export.Dim("rows"), torch.export.Dim("tokens", min=4, max=512)
        torch.onnx.export(
            _Logits(network),
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            plain,
            input_names=["input_ids", "attention_mask", "token_type_ids"],
            output_names=["logits"],
            dynamic_shapes=({0: rows, 1: tokens},) * 3,
            dynamo=True,
        )
        quantize_dynamic(plain, folder / "model.onnx", per_channel=True, weight_type=QuantType.QInt8)
    _forget_origin(folder / "model.onnx")


def _forget_origin(path: Path) -> None:
    """Remove the stack traces with local paths that torch 2.13 writes to each node."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save(model, path)


class _Logits(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        logits: Tensor = self.network(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).logits
        return logits
