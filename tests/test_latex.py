from __future__ import annotations

import pytest

from rag.text.latex import latex_to_text


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("up to 2.57times training speedup", "up to 2.57× training speedup"),
        ("up to sim 7.7times memory savings", "up to ~7.7× memory savings"),
        ("only 25-40\\% of", "only 25–40 % of"),
        ("mathcal{O}(1/epsilon^4)", "O(1/ε⁴)"),
        ("(2-4times compared", "(2–4× compared"),
        ("2.58-5.71times for", "2.58–5.71× for"),
        ("24times224 images on 8timesH100", "24×224 images on 8×H100"),
        ("up to 6.7\\times inference, 5.18\\times$ and 42.9%$", "up to 6.7× inference, 5.18× and 42.9%"),
        ("O(epsilon^{-7}) and T^{2/3}", "O(ε⁻⁷) and T^(2/3)"),
        ("|x|_infty leq 1/lambda", "|x|_∞ ≤ 1/λ"),
        ("T\\\"ULU and M\\'elange by Uzna\\'{n}ski", "TÜLU and Mélange by Uznański"),
        ("a {\\it single-loop} and {it misaligned} way", "a single-loop and misaligned way"),
        ("Lion (Evo\\textbf{Lved Sign Momentum})", "Lion (EvoLved Sign Momentum)"),
        ("the ``tensor-type'' matrix", "the “tensor-type” matrix"),
        ("mathcal{O}(mathcal{C_Phi/m})", "O(C_Φ/m)"),
    ],
)
def test_lost_latex_is_made_readable(stored: str, shown: str) -> None:
    assert latex_to_text(stored) == shown


@pytest.mark.parametrize(
    "text",
    [
        "three times a day, sometimes 10 times faster",
        "a simple simulation of similar size",
        "an alpha parameter, lambda functions and the beta release",
        "costs $5 to $10 and uses snake_case names",
        "a well-known 8-bit GPT-4 model",
        "",
    ],
)
def test_plain_english_is_left_alone(text: str) -> None:
    assert latex_to_text(text) == text
