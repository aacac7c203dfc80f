"""Files to read: folders walked, .gz, .xz, .bz2 and .zip opened, text decoded as UTF-8, UTF-16 or else Windows-1252."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any

from rag.errors import CorpusError

_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
_ZIP = b"PK\x03\x04"
_REMEDIES = (
    (b"%PDF", "is a PDF. Export its record from a reference manager (BibTeX, RIS), and index that"),
    (b"SQLite format 3", "is a database. Export the library from its program as BibTeX or RIS"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document. Save the table as CSV"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"Rar!", "is a RAR archive. Unpack it"),
    (b"7z\xbc\xaf", "is a 7z archive. Unpack it"),
    (b"PAR1", "is a Parquet file. Save it as CSV or JSON Lines"),
)
_HEAD = 1 << 16
_MAX_TEXT_LENGTH = 1 << 28  # characters
_MAX_LINE_LENGTH = 1 << 26  # characters
_SMALL = 1 << 28  # bytes that anything may unpack to
_DENSEST = 100  # times its size; text unpacks to 10 times
_BLOCK = 1 << 20
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""What reading a damaged file, or an archive with a password, raises."""


@dataclass(frozen=True)
class Source:
    """A file, or a member of an archive; `open_bytes` opens it from its beginning, decompressed."""

    name: str
    open_bytes: Callable[[], IO[bytes]]

    @cached_property
    def head(self) -> str:
        """The beginning of the text; raises CorpusError for what is no text."""
        with self.open_bytes() as file:
            head = file.read(_HEAD)
        for magic, remedy in _REMEDIES:
            if head.startswith(magic):
                raise CorpusError(f"{self.name} {remedy}.")
        if b"\x00" in head and self.encoding != "utf-16":
            raise CorpusError(f"{self.name} is not a text file.")
        text = head.decode(self.encoding, errors="ignore").lstrip("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def encoding(self) -> str:
        """The text's encoding."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        with self.open_bytes() as file:
            block = file.read(_BLOCK)
            if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            try:
                while block:
                    decoder.decode(block)
                    block = file.read(_BLOCK)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return "cp1252"
        return "utf-8-sig"

    def lines(self) -> Iterator[str]:
        """Yield the lines, each with a newline at its end."""
        with io.TextIOWrapper(self.open_bytes(), self.encoding, errors="replace") as file:
            while line := file.readline(_MAX_LINE_LENGTH):
                if len(line) == _MAX_LINE_LENGTH:
                    raise CorpusError(f"{self.name} has a line of more than {_MAX_LINE_LENGTH >> 20} MB. Break it.")
                yield line

    def text(self) -> str:
        """Read the whole text; raises CorpusError if it is too large to be held."""
        with io.TextIOWrapper(self.open_bytes(), self.encoding, errors="replace") as file:
            text = file.read(_MAX_TEXT_LENGTH)
            if file.read(1):
                raise CorpusError(f"{self.name} is too large for this format. Split it, or save it as JSON Lines.")
        return text.lstrip("\ufeff")


def sources_of(path: Path) -> Iterator[Source]:
    """Yield a file, or the members of an archive; raises CorpusError if it cannot be read."""
    try:
        with path.open("rb") as file:
            magic = file.read(8)
        if not magic.startswith(_ZIP):
            opener = next((opener for each, opener in _OPENERS.items() if magic.startswith(each)), None)
            yield Source(str(path), partial(_open_packed, path, opener) if opener else partial(_open_plain, path))
            return
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.namelist() if not each.endswith("/")]
            _check_unpacked(sum(each.file_size for each in archive.infolist()), path)
        if "[Content_Types].xml" in members or "mimetype" in members:
            raise CorpusError(f"{path} is an Office document. Save its table as CSV.")
        for member in sorted(members):
            if not member.startswith("__MACOSX"):
                yield Source(f"{path}/{member}", partial(_open_member, path, member))
    except BROKEN as error:
        raise CorpusError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


class _Unpacked(io.RawIOBase):
    """Reads what a file unpacks to; raises CorpusError where that is more than any text would be."""

    def __init__(self, packed: IO[bytes], path: Path) -> None:
        self._packed = packed
        self._path = path
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._packed.read(len(buffer))
        self._size += len(block)
        _check_unpacked(self._size, self._path)
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._packed.close()
        super().close()


def _check_unpacked(size: int, path: Path) -> None:
    if size > max(_SMALL, _DENSEST * path.stat().st_size):
        raise CorpusError(
            f"{path} unpacks to more than {_DENSEST} times its size, as no papers do. Unpack it yourself."
        )


def _open_packed(path: Path, opener: Callable[..., Any]) -> IO[bytes]:
    return io.BufferedReader(_Unpacked(opener(path), path), _BLOCK)


def _open_member(path: Path, member: str) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:  # the open member keeps the file open
        return archive.open(member)
