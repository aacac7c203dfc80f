"""Locks of generations: one that is read is not deleted. The system releases them with the process."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from weakref import finalize

try:
    import fcntl
except ImportError:  # Windows, which deletes no file that is open
    fcntl = None  # type: ignore[assignment]


_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # of file systems without them


class InUse:
    """Keeps the generation of a manifest from being deleted, until it is closed or garbage collected."""

    def __init__(self, manifest: Path) -> None:
        """Take the lock; raises OSError where the generation is gone or about to be deleted."""
        self.close = _lock(self, manifest, shared=True)


class Unused:
    """Keeps a generation from being opened while it is deleted."""

    def __init__(self, manifest: Path) -> None:
        """Take the lock; raises OSError where the generation is in use."""
        self.close = _lock(self, manifest, shared=False)


def is_used(manifest: Path) -> bool:
    """Return whether somebody reads a generation."""
    with suppress(OSError):
        Unused(manifest).close()
        return False
    return manifest.exists()


def _lock(owner: object, manifest: Path, shared: bool) -> finalize[[int], object]:
    descriptor = os.open(manifest, os.O_RDONLY)
    close = finalize(owner, os.close, descriptor)
    if fcntl:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                close()
                raise
    return close
