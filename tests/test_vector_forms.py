from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from eval.report.charts import trade_off_plot
from eval.vectors.compare import _restored
from eval.vectors.forms import float8, lloyd, token_forms, vector_forms
from rag.models.onnx import l2_normalize


def test_float8_rounds_to_three_bits_of_mantissa_and_keeps_subnormals() -> None:
    values = np.array([1.0, 1.06, 1.07, -0.3, 0.001, 0.0], np.float32)
    assert float8(values, 3, -6).tolist() == [1.0, 1.0, 1.125, -0.3125, 2.0**-9 * 1, 0.0]


def test_levels_are_the_means_of_what_rounds_to_them() -> None:
    assert lloyd(np.array([0, 1, 10, 12], np.float32), 2).tolist() == [0.5, 11.0]


def test_each_form_of_single_vectors_stays_close_at_its_size() -> None:
    sample = l2_normalize(np.random.default_rng(0).normal(size=(300, 384)) * np.linspace(2, 0.01, 384))
    for form in vector_forms():
        restored = l2_normalize(form.fit(sample)(sample))
        assert (restored * sample).sum(axis=1).mean() > 0.65, form.name
    assert [form.row_bytes(384) for form in vector_forms()][:3] == [1536, 768, 384]


def test_forms_of_token_vectors_have_the_bytes_of_their_rows() -> None:
    sizes = {form.name: form.row_bytes(128) for form in token_forms()}
    assert sizes["int8"] == 128
    assert sizes["product quantization, 32 B"] == 33
    assert sizes["centroids, 1 bits"] == 18


def test_plot_names_each_point() -> None:
    svg = ElementTree.fromstring(trade_off_plot({"a<b": (10.0, 0.8), "c": (2.0, 0.78)}, "Title", "kB"))
    texts = [each.text for each in svg.iter() if each.tag.endswith("text")]
    assert {"a<b", "c", "kB"} <= set(texts)


@pytest.mark.parametrize("bits", [1, 2])
def test_more_levels_are_closer(bits: int) -> None:
    values = np.random.default_rng(1).normal(size=2000).astype(np.float32)
    errors = [
        np.abs(values[:, None] - lloyd(values, levels)).min(axis=1).mean() for levels in (2**bits, 2 ** (bits + 1))
    ]
    assert errors[1] < errors[0]


def test_chosen_rows_are_restored_as_single_precision() -> None:
    tokens = np.arange(6, dtype=np.float16).reshape(3, 2)
    restored = _restored(tokens, lambda vectors: 2 * vectors, np.array([0, 2]))
    assert restored.dtype == np.float32
    assert restored.tolist() == [[0, 2], [8, 10]]
