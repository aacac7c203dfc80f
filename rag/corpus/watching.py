"""Watching of files and folders of papers for changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

_REST = 1000  # milliseconds without a change after which files are taken for written
_MAX_WAIT = 60_000  # milliseconds of changes after which they are reported, whether or not more follow


def changes(paths: Sequence[Path], ignored: Path, rest: int = _REST) -> Iterator[None]:
    """Yield when watching has begun, and then whenever files under `paths` have changed; never returns.

    What changes between two steps of the iterator is reported by the second. A file is watched through its folder, as
    programs write a new file and rename it.
    """
    from watchfiles import watch

    recursive = any(path.is_dir() for path in paths)
    batches = watch(
        *{path if path.is_dir() else path.parent for path in paths},
        watch_filter=lambda _, name: is_watched(Path(name), paths, ignored),
        debounce=_MAX_WAIT,
        step=rest,
        rust_timeout=rest,
        yield_on_timeout=True,
        recursive=recursive,
    )
    begun = False
    for batch in batches:
        if batch or not begun:
            yield
        begun = True


def is_watched(path: Path, paths: Sequence[Path], ignored: Path) -> bool:
    """Return whether a path is, or is under, one of `paths`, but not hidden there or under `ignored`."""
    root = next((each for each in paths if path.is_relative_to(each)), None)
    if root is None or path.is_relative_to(ignored):
        return False
    return not any(part.startswith(".") for part in path.relative_to(root).parts)
