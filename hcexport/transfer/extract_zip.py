"""Unpack a zip so that no file lands outside the folder or replaces another silently, and a failure leaves nothing.

The list of members is checked as a whole before the first byte is written. Then all members are unpacked into a hidden
folder, which checks every CRC, and only then moved into place.

A member with a dangerous name is refused, never renamed. Dangerous is a name that leads elsewhere or looks like another
name, here or on a machine that the folder is copied to: Windows drops a dot or a blank at the end of a name, and writes
``a.csv:b`` into ``a.csv``. Names that Windows itself refuses do no harm. Hidden names are refused because programs
obey such files without being asked (``.bashrc``, ``.git/``), and no report has such a name.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo

from hcexport.errors import BadDownload, CannotCreate
from hcexport.times import NO_DEADLINE, Deadline
from hcexport.transfer.destination import IfExists, make_exists_error, make_folder_error
from hcexport.transfer.disk import make_hidden_name, probe, require_room, translate_write_errors
from hcexport.transfer.file_names import is_reserved, with_number
from hcexport.transfer.part_file import STAGED, remove_stale
from hcexport.transfer.verify_zip import open_zip

CHUNK_BYTES = 1 << 20
MAX_DEPTH = 64  # a name of 64 KiB may be 32,000 folders deep
MAX_PLACES = 150_000  # files and folders, each of which takes memory
_DRIVE = re.compile(r"[A-Za-z]:")
_STREAM = re.compile(r"(?<!\d):|:(?!\d)")  # a colon within a time of day names no stream
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, directions, zero width, tags, half characters, separators
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")


class Limits(NamedTuple):
    """Limits beyond which a zip is taken for a zip bomb.

    A report in CSV and JSON is packed 10 to 50 times. Up to ``small`` bytes any ratio is allowed.
    """

    members: int = 100_000
    bytes: int = 8 << 30
    ratio: int = 200
    small: int = 64 << 20

    def allowed(self, packed_bytes: int) -> int:
        """Return how many bytes a zip of this size may unpack to."""
        return min(self.bytes, max(self.small, self.ratio * packed_bytes))


LIMITS = Limits()


def resolve_folder(folder: Path, *, if_exists: IfExists = IfExists.FAIL) -> Path | None:
    """Check the folder to unpack into, before anything is sent; None if it exists and is to be kept (``skip``).

    An empty folder counts as missing. Raises CannotCreate if it may not be used.
    """
    wanted = folder.absolute()
    with translate_write_errors(wanted):
        if not wanted.parent.is_dir():
            raise make_folder_error(wanted.parent)
        if not _is_free(wanted):
            if if_exists is IfExists.RENAME:
                wanted = _with_free_number(wanted)
            elif not wanted.is_dir():
                raise make_folder_error(wanted)
            elif if_exists is IfExists.FAIL:
                raise make_exists_error(wanted)
            elif if_exists is IfExists.SKIP:
                return None
        probe(_parent(wanted))
    return wanted


def extract(
    zip_path: Path,
    folder: Path,
    *,
    if_exists: IfExists = IfExists.FAIL,
    limits: Limits = LIMITS,
    deadline: Deadline = NO_DEADLINE,
) -> Path | None:
    """Unpack a zip into a folder, all of it or nothing; returns the folder, None if it existed and was kept.

    ``overwrite`` replaces files of the same name in an existing folder and leaves the others alone. Raises BadDownload
    for a zip that is damaged or dangerous, CannotCreate, TimedOut.
    """
    target = resolve_folder(folder, if_exists=if_exists)
    if target is None:
        return None
    with translate_write_errors(zip_path):
        source = zip_path.open("rb")
    with source, open_zip(source) as archive:
        members = archive.infolist()
        allowed = limits.allowed(os.fstat(source.fileno()).st_size)
        check_members(members)
        _check_size(members, allowed, limits)
        require_room(_parent(target), sum(member.file_size for member in members))
        with _staging(target) as staging:
            _unpack(archive, members, staging, allowed, deadline)
            with translate_write_errors(target):
                _move_into_place(staging, target)
    return target


def _parent(target: Path) -> Path:
    """Return the folder for the hidden folder: the target if it exists, else its parent."""
    return target if target.is_dir() else target.parent


def _with_free_number(folder: Path) -> Path:
    names = (folder.with_name(with_number(folder.name, number)) for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _is_free(folder: Path) -> bool:
    """Whether the path is missing or is an empty folder."""
    try:
        return not any(folder.iterdir())
    except FileNotFoundError:
        return not folder.is_symlink()
    except NotADirectoryError:
        return False


def _check_size(members: Sequence[ZipInfo], allowed: int, limits: Limits) -> None:
    if len(members) > limits.members:
        raise BadDownload(f"not unpacked: {len(members)} members are too many")
    if sum(member.file_size for member in members) > allowed:
        raise BadDownload(f"not unpacked: it would become larger than {allowed} bytes")


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Make a hidden folder on the target's file system, and remove it at the end."""
    parent = _parent(target)
    staging = make_hidden_name(parent, "zip", "extract")
    remove_stale(parent)
    try:
        with translate_write_errors(staging):
            staging.mkdir(mode=0o700)
            content = staging / STAGED
            content.mkdir()
        yield content
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack(archive: ZipFile, members: Sequence[ZipInfo], folder: Path, allowed: int, deadline: Deadline) -> None:
    written = 0
    for member in members:
        path = folder / member.orig_filename
        with translate_write_errors(path):
            (path if member.is_dir() else path.parent).mkdir(parents=True, exist_ok=True)
        if member.is_dir():
            continue
        with archive.open(member) as data, translate_write_errors(path), path.open("xb") as file:
            while chunk := data.read(CHUNK_BYTES):
                written += len(chunk)
                if written > allowed:
                    raise BadDownload(f"not unpacked: it became larger than {allowed} bytes")
                deadline.check()
                file.write(chunk)


def _move_into_place(content: Path, target: Path) -> None:
    """Rename the folder if the target is new, else move file by file into the existing folder."""
    if not target.is_dir():
        content.rename(target)
        return
    moves = [(path, target / path.relative_to(content)) for path in sorted(content.rglob("*"))]
    for source, place in moves:
        _check_place(source, place)
    for source, place in moves:
        if source.is_dir():
            place.mkdir(exist_ok=True)
        else:
            source.replace(place)


def _check_place(source: Path, place: Path) -> None:
    """Refuse a folder in the place of a file or a link, and a file in that of a folder; links are never followed."""
    if not os.path.lexists(place):
        return
    if source.is_dir() != (place.is_dir() and not place.is_symlink()):
        raise CannotCreate(f"{place} already exists", hint="remove it, or unpack into another folder")


def check_members(members: Sequence[ZipInfo]) -> None:
    """Raise BadDownload for a member with a dangerous name, of a special kind, or with the name of another member."""
    places: dict[tuple[int, str], tuple[int, str, bool]] = {}  # by the number of the folder and the folded name
    for member in members:
        _check_kind(member)
        _check_name(member.orig_filename)
        parts = member.orig_filename.removesuffix("/").split("/")
        number = 0
        for depth, part in enumerate(parts, start=1):
            place = (len(places) + 1, part, depth == len(parts) and not member.is_dir())
            known = places.setdefault((number, _fold(part)), place)
            if known is not place and (place[2] or known[1:] != place[1:]):
                raise _refuse(member.orig_filename, f"it collides with {known[1]!r}")
            number = known[0]
        if len(places) > MAX_PLACES:
            raise BadDownload(f"not unpacked: more than {MAX_PLACES} files and folders are in the zip")


def _check_name(name: str) -> None:
    if name.count("/") > MAX_DEPTH:
        raise BadDownload(f"not unpacked: a file in the zip is more than {MAX_DEPTH} folders deep")
    parts = name.removesuffix("/").split("/")
    problems = {
        "it is absolute": name.startswith("/") or _DRIVE.match(name),
        "it leads out of the folder": ".." in parts,
        "it has an empty part": {"", "."} & set(parts),
        "it holds a backslash": "\\" in name,
        "it holds invisible characters": _has_invisible(name),
        "it is a device on Windows": any(map(is_reserved, parts)),
        "it is a stream of a file on Windows": _STREAM.search(name),
        "it ends in a dot or a blank": any(part.endswith(".") or part[-1:].isspace() for part in parts),
        "it is hidden": any(part.startswith(".") for part in parts),
        "it looks like an option": any(part.startswith("-") for part in parts),
    }
    for problem, is_there in problems.items():
        if is_there:
            raise _refuse(name, problem)


def _has_invisible(name: str) -> bool:
    return any(unicodedata.category(character) in _INVISIBLE or character in _BLANK_LETTERS for character in name)


def _check_kind(member: ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refuse(member.orig_filename, "it is a link or a device")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _refuse(name: str, problem: str) -> BadDownload:
    return BadDownload(f"not unpacked: {name!r} in the zip is refused, {problem}", hint="unzip -l shows what is in it")
