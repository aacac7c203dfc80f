"""The optimiser and its schedule: AdamW, a linear warm-up and a linear decay over steps or over a time limit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps, peak learning rate and warm-up share; with `seconds` the decay ends with the time, if that is sooner."""

    steps: int
    rate: float
    seconds: float | None = None
    warm_up: float = 0.06
    weight_decay: float = 0.01
    began: float = field(default_factory=time.monotonic)

    def done(self, step: int) -> float:
        """Return the share of the training that is done, 1 at its end."""
        spent = (time.monotonic() - self.began) / self.seconds if self.seconds else 0.0
        return max(step / self.steps, spent)

    def factor(self, done: float) -> float:
        """Return the factor of the learning rate at a share of the training."""
        return max(0.0, min(done / self.warm_up, (1 - done) / (1 - self.warm_up), 1.0))


class Optimizer:
    """AdamW over a network's parameters, some of them at a multiple of the rate, with clipped gradients."""

    def __init__(self, network: nn.Module, schedule: Schedule, faster: Mapping[str, float] | None = None) -> None:
        self.network, self.schedule = network, schedule
        groups: dict[tuple[float, float], list[Tensor]] = {}
        for name, value in network.named_parameters():
            if value.requires_grad:
                factor = next((rate for part, rate in (faster or {}).items() if name.startswith(part)), 1.0)
                decay = schedule.weight_decay if value.ndim > 1 else 0.0
                groups.setdefault((factor, decay), []).append(value)
        self.inner = torch.optim.AdamW(
            [{"params": values, "weight_decay": decay, "factor": factor} for (factor, decay), values in groups.items()],
            lr=schedule.rate,
            fused=torch.cuda.is_available(),
        )

    def step(self, loss: Tensor, step: int) -> None:
        """Go one step down the loss."""
        for group in self.inner.param_groups:
            group["lr"] = self.schedule.rate * group["factor"] * self.schedule.factor(self.schedule.done(step))
        self.inner.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(_trainable(self.network.parameters()), 1.0)
        self.inner.step()


class Average:
    """An exponential moving average of a network's weights (Polyak and Juditsky, 1992)."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.network = decay, network
        self.values = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self) -> None:
        """Take in the network's present weights."""
        present = self.network.state_dict()
        mine = [value for value in self.values.values() if value.is_floating_point()]
        new = [present[name].detach() for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_(mine, new, 1 - self.decay)

    def apply(self) -> None:
        """Put the average in the network's place."""
        self.network.load_state_dict(self.values)


def autocast(device: str) -> torch.autocast:
    """Return mixed precision for a device."""
    return torch.autocast("cuda" if device.startswith("cuda") else "cpu", torch.bfloat16)


def _trainable(values: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [value for value in values if value.requires_grad]
