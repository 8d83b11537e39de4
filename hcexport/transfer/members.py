"""Which members of a zip may be unpacked. One that may not is refused, never renamed.

Refused is what lands elsewhere or reads other than it is, here or where the folder is copied to: Windows drops a dot
or a blank at the end of a name, and writes ``a.csv:b`` into ``a.csv``. What Windows refuses by itself does no harm.
Hidden names are refused because programs obey such files unasked (``.bashrc``, ``.git/``), and no report is one.
"""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Sequence
from zipfile import ZipInfo

from hcexport.errors import BadDownload
from hcexport.transfer.names import is_reserved

MAX_DEPTH = 64  # a name of 64 KiB may be 32,000 folders deep
MAX_PLACES = 150_000  # files and folders, each of which takes memory
_DRIVE = re.compile(r"[A-Za-z]:")
_STREAM = re.compile(r"(?<!\d):|:(?!\d)")  # a colon within a time of day names no stream
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, directions, zero width, tags, half characters, separators
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")


def check_members(members: Sequence[ZipInfo]) -> None:
    """Raise BadDownload for the first that leads elsewhere, is no plain file or folder, or meets another one."""
    places: dict[tuple[int, str], tuple[int, str, bool]] = {}  # by the number of the folder and the folded name
    for member in members:
        _check_kind(member)
        _check_name(member.orig_filename)
        parts = member.orig_filename.removesuffix("/").split("/")
        number = 0
        for depth, part in enumerate(parts, start=1):
            place = (len(places) + 1, part, depth == len(parts) and not member.is_dir())
            known = places.setdefault((number, _folded(part)), place)
            if known is not place and (place[2] or known[1:] != place[1:]):
                raise _refused(member.orig_filename, f"it collides with {known[1]!r}")
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
            raise _refused(name, problem)


def _has_invisible(name: str) -> bool:
    return any(unicodedata.category(character) in _INVISIBLE or character in _BLANK_LETTERS for character in name)


def _check_kind(member: ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(member.orig_filename, "it is a link or a device")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _refused(name: str, problem: str) -> BadDownload:
    return BadDownload(f"not unpacked: {name!r} in the zip is refused, {problem}", hint="unzip -l shows what is in it")
