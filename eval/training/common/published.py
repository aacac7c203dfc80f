"""Weights as float32 tensors, of published models under BERT's usual names: int8 ONNX is dequantised (needs onnx)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.training.common.export import from_four_bits

_FOUR_BITS = ("values", "zeros", "scales")
_THROUGH = ("Mul", "Cast", "Identity")
_FUSED = ("DynamicQuantizeMatMul", "MatMulIntegerToFloat")  # with the bias, if they have one, as the last input
_PRODUCTS = ("MatMulInteger", "MatMul", "Gemm", *_FUSED)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read `.safetensors`, `.pt`, or an int8 `.onnx` of a BERT; names lose a leading `bert.` or `network.bert.`."""
    if path.suffix == ".pt":
        state = torch.load(path, map_location="cpu", weights_only=True)
    elif path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in _dequantised(path).items()}
    return {name.removeprefix("network.").removeprefix("bert."): value.float() for name, value in state.items()}


def _dequantised(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the vectors by their names, and each matrix by the bias that is added to its product."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    found = {
        name: value.astype(np.float32)
        for name, value in stored.items()
        if value.dtype == np.float32 and name.endswith((".weight", ".bias"))
    }
    for name in stored:
        plain = name.removesuffix("_quantized")
        if name != plain and plain.endswith(".weight"):
            found[plain] = _real(stored, plain)
    for node in graph.node:
        if node.op_type in _FUSED and node.input[-1].endswith(".bias"):
            found[node.input[-1].removesuffix("bias") + "weight"] = _real(stored, node.input[1]).T
        if node.op_type in ("Add", "Gemm"):
            bias = next((name for name in node.input if name in found and name.endswith(".bias")), None)
            product = node if node.op_type == "Gemm" else _product(node, made)
            if bias and product is not None:
                weight = _real(stored, product.input[1])
                found[bias.removesuffix("bias") + "weight"] = weight if _transposed(product) else weight.T
    return found | _own_parts(stored, graph, found)


def _own_parts(
    stored: Mapping[str, NDArray[Any]], graph: Any, found: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Read what only our own exports have: word pieces of 4 bits, and the encoder's projection, which has no bias."""
    parts = {}
    if "words_values" in stored:
        values, zeros, scales = (torch.from_numpy(stored[f"words_{name}"].copy()) for name in _FOUR_BITS)
        parts["body.words.weight"] = from_four_bits(values, zeros, scales).numpy()
    shapes = {value.shape for value in found.values()}
    for node in graph.node:
        if node.op_type == "MatMulInteger" and node.input[1] in stored and graph.output[0].name == "tokens":
            weight = _real(stored, node.input[1]).T
            if weight.shape not in shapes:
                parts["project.weight"] = weight
    return parts


def _product(node: Any, made: Mapping[str, Any]) -> Any | None:
    """Return the product with a stored matrix whose scaled output a node adds to, if there is one."""
    for name in node.input:
        before = made.get(name)
        while before is not None and before.op_type in _THROUGH:
            before = made.get(before.input[0])
        if before is not None and before.op_type in _PRODUCTS:
            return before
    return None


def _transposed(node: Any) -> bool:
    return any(each.name == "transB" and each.i for each in node.attribute)


def _real(stored: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    plain = name.removesuffix("_quantized")
    if f"{plain}_quantized" not in stored:
        return stored[name].astype(np.float32)
    zero, scale = stored[f"{plain}_zero_point"].astype(np.float32), stored[f"{plain}_scale"]
    return np.asarray((stored[f"{plain}_quantized"].astype(np.float32) - zero) * scale, np.float32)
