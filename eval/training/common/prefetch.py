"""Preparing batches in other processes while the device works, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

Job = TypeVar("Job")
Prepared = TypeVar("Prepared")


def prepared(jobs: Sequence[Job], prepare: Callable[[Job], Prepared], device: str) -> Iterator[Prepared]:
    """Yield what `prepare` makes of each job; for a GPU in eight processes and in pinned memory."""
    gpu = device.startswith("cuda")
    if not gpu:
        yield from (prepare(job) for job in jobs)
        return
    loader = torch.utils.data.DataLoader(
        _Jobs(jobs, prepare), batch_size=None, num_workers=8, prefetch_factor=4, pin_memory=True
    )
    yield from loader


class _Jobs(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, jobs: Sequence[Any], prepare: Callable[[Any], Any]) -> None:
        self.jobs, self.prepare = jobs, prepare

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, at: int) -> Any:
        return self.prepare(self.jobs[at])


def pinned(value: Any) -> Any:
    """Return a value with its tensors pinned: tensors, tuples, and objects with `pin_memory`."""
    if isinstance(value, tuple):
        return tuple(pinned(each) for each in value)
    return value.pin_memory() if hasattr(value, "pin_memory") else value
