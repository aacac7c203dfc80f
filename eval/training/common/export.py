"""A trained network as an ONNX file whose matrices have 8 bits a weight, quantised by channel (needs onnx)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

_BLOCK, _LEVELS = 32, 15
_HEADS = 12  # of every BERT here

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_int8(
    network: nn.Module, outputs: Sequence[str], path: Path, longest: int = 512, words: Tensor | None = None
) -> None:
    """Write a network of the three usual inputs; rows and tokens are free, and no name of this machine is kept.

    With `words`, the table of word pieces (pieces, width), that table is written with 4 bits a weight.
    """
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
    if words is not None:
        _put_four_bit_words(model, words)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save(model, path)


def fuse(path: Path) -> None:
    """Write a graph with onnxruntime's fused operators, which it then need not look for at every start.

    It has no mask any more: texts that are read together have to be of one length. Attention becomes one operator,
    which keeps no scores of all pairs of tokens (FlashAttention, Dao et al., NeurIPS 2022). Norms are not fused with
    the sums before them: onnxruntime 1.32's operator for both is slower than the two.
    """
    import onnx
    from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

    model = onnx.load(path)
    for softmax in [node for node in model.graph.node if node.op_type == "Softmax"]:
        _fuse_attention(model.graph, softmax)
    _remove_unused(model.graph)
    with TemporaryDirectory() as scratch:
        plain, fused = (str(Path(scratch) / name) for name in ("plain.onnx", "fused.onnx"))
        onnx.save(model, plain)
        options = SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = fused
        InferenceSession(plain, options, ["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"])
        model = onnx.load(fused)
    used = {"", "com.microsoft"}
    kept = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, path)


def _fuse_attention(graph: Any, softmax: Any) -> None:
    """Replace what `plain_attention` has become, with its reshaping and its mask, by one operator."""
    from onnx import helper

    made = {name: node for node in graph.node for name in node.output}
    users = {name: node for node in graph.node for name in node.input}

    def before(node: Any, *inputs: int) -> Any:
        for i in inputs:
            node = made[node.input[i]]
        return node

    product = before(softmax, 0, 0, 0)  # after the mask and the scale
    weighted = users[softmax.output[0]]
    reshapes = (before(product, 0, 0), before(product, 1, 0), before(weighted, 1, 0))
    joined = users[users[weighted.output[0]].output[0]]
    node = helper.make_node(
        "MultiHeadAttention",
        [each.input[0] for each in reshapes],
        list(joined.output),
        domain="com.microsoft",
        num_heads=_HEADS,
    )
    joined.CopyFrom(node)


def _remove_unused(graph: Any) -> None:
    """Remove nodes, weights and inputs that nothing reads."""
    while True:
        read = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
        kept = [node for node in graph.node if read & {*node.output}]
        if len(kept) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(kept)
    for values in (graph.initializer, graph.input):
        wanted = [each for each in values if each.name in read]
        del values[:]
        values.extend(wanted)


def four_bits(table: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quantise rows in blocks of 32: 4-bit values and zero points (uint8 from 0 to 15), and scales (float16).

    Two values are packed into a byte: one of the first half of a row in the low bits, one of the second in the high.
    """
    blocks = table.detach().float().cpu().reshape(len(table), -1, _BLOCK)
    low, high = blocks.amin(-1, keepdim=True).clamp(max=0), blocks.amax(-1, keepdim=True).clamp(min=0)
    scales = ((high - low) / _LEVELS).clamp(min=1e-6).half()
    zeros = (-low / scales.float()).round().clamp(0, _LEVELS)
    values = (blocks / scales.float() + zeros).round().clamp(0, _LEVELS).reshape(table.shape).byte()
    first, second = values.chunk(2, dim=1)
    return first | (second << 4), zeros[..., 0].byte(), scales[..., 0]


def rounded(table: Tensor) -> Tensor:
    """Return a table as its 4-bit form holds it."""
    return from_four_bits(*four_bits(table)).to(table)


def from_four_bits(packed: Tensor, zeros: Tensor, scales: Tensor) -> Tensor:
    """Return the table that packed values, zero points and scales hold."""
    values = torch.cat([packed & _LEVELS, packed >> 4], dim=1)
    blocks = values.reshape(len(values), -1, _BLOCK).float() - zeros[..., None].float()
    return (blocks * scales[..., None].float()).reshape(values.shape)


def _put_four_bit_words(model: Any, words: Tensor) -> None:
    """Replace the lookup of 8-bit word pieces by one of 4-bit blocks.

    Its operators are ONNX's own: onnxruntime 1.32's GatherBlockQuantized takes five times as long.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    gather = next(n for n in graph.node if n.op_type == "Gather" and "input_ids" in n.input)
    dequantize = next(n for n in graph.node if gather.output[0] in n.input)
    old = {*gather.input, *dequantize.input}
    kept = [each for each in graph.initializer if each.name not in old]
    constants = {
        **dict(zip(("words_values", "words_zeros", "words_scales"), four_bits(words), strict=True)),
        "words_low_bits": torch.tensor(_LEVELS, dtype=torch.uint8),
        "words_four": torch.tensor(4, dtype=torch.uint8),
        "words_last": torch.tensor([-1]),
        "words_blocks": torch.tensor([0, 0, -1, _BLOCK]),
        "words_rows": torch.tensor([0, 0, words.shape[1]]),
    }
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(numpy_helper.from_array(each.numpy(), n) for n, each in constants.items())])

    def apply(operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"words_{len(steps)}"
        steps.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def of_blocks(table: str) -> str:
        found = apply("Cast", apply("Gather", table, "input_ids"), to=TensorProto.FLOAT)
        return apply("Unsqueeze", found, "words_last")

    steps: list[Any] = []
    packed = apply("Gather", "words_values", "input_ids")
    low = apply("BitwiseAnd", packed, "words_low_bits")
    high = apply("BitShift", packed, "words_four", direction="RIGHT")
    values = apply("Cast", apply("Concat", low, high, axis=-1), to=TensorProto.FLOAT)
    centred = apply("Sub", apply("Reshape", values, "words_blocks"), of_blocks("words_zeros"))
    found = apply("Mul", centred, of_blocks("words_scales"))
    half = apply("Cast", found, to=TensorProto.FLOAT16)  # as the operator of onnxruntime returned them
    apply("Reshape", apply("Cast", half, to=TensorProto.FLOAT), "words_rows", output=dequantize.output[0])
    rest = [node for node in graph.node if node not in (gather, dequantize)]
    del graph.node[:]
    graph.node.extend([*steps, *rest])


def session(path: Path, threads: int = 1) -> Any:
    """Open an ONNX file on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
