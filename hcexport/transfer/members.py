"""Which members of a zip may be unpacked. One that may not is refused, never renamed; two of a name are damage."""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Sequence
from itertools import accumulate
from zipfile import ZipInfo

from hcexport.errors import BadDownload
from hcexport.transfer.names import is_reserved

_DRIVE = re.compile(r"[A-Za-z]:")
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # names that read other than they are


def check_members(members: Sequence[ZipInfo]) -> None:
    """Raise BadDownload for the first that leads elsewhere, is no plain file or folder, or meets another one."""
    spelled: dict[str, tuple[str, bool]] = {}
    for member in members:
        _check_kind(member)
        _check_name(member.orig_filename)
        path = member.orig_filename.removesuffix("/")
        for step in accumulate(path.split("/"), "{}/{}".format):
            entry = (step, step == path and not member.is_dir())
            known = spelled.setdefault(_folded(step), entry)
            if known != entry:
                raise _refused(path, f"it collides with {known[0]!r}")


def _check_name(name: str) -> None:
    parts = name.removesuffix("/").split("/")
    problems = {
        "it is absolute": name.startswith("/") or _DRIVE.match(name),
        "it leads out of the folder": ".." in parts,
        "it has an empty part": {"", "."} & set(parts),
        "it holds a backslash": "\\" in name,
        "it holds control characters": _has_controls(name),
        "it is a device on Windows": any(map(is_reserved, parts)),
    }
    for problem, is_there in problems.items():
        if is_there:
            raise _refused(name, problem)


def _has_controls(name: str) -> bool:
    return bool(_DIRECTION.search(name)) or any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)


def _check_kind(member: ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(member.orig_filename, "it is a link or a device")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _refused(name: str, problem: str) -> BadDownload:
    return BadDownload(f"not unpacked: {name!r} in the zip is refused, {problem}", hint="unzip -l shows what is in it")
