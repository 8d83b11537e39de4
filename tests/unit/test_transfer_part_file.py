"""Part files: private, resumable or gone, inherited by one, published whole."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from hcexport.errors import CannotCreate
from hcexport.transfer.destination import IfExists
from hcexport.transfer.part_file import SWEEP_AFTER_S, Part, PartMetadata, adopt, create, remove_stale
from hcexport.transfer.publish import PartTakenError, publish, stream

HEX = "0123456789abcdef"
NOTE = PartMetadata("https://org.example.com/gis", "item-1", '"v1"', 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


@pytest.fixture
def drop_box() -> Iterator[Path]:
    """A folder that takes files and does not show them; we are not root there."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        (Path(name) / "box").mkdir()
        (Path(name) / "box").chmod(0o333)
        os.seteuid(65534)
        try:
            yield Path(name) / "box"
        finally:
            os.seteuid(0)


def part_of(folder: Path, data: bytes = b"12345", note: PartMetadata = NOTE) -> Part:
    part = create(folder, note)
    part.write(data)
    return part


def dead_part(folder: Path, data: bytes = b"12345", note: PartMetadata = NOTE) -> Path:
    """What a run that was killed leaves: its lock is gone with it."""
    part = part_of(folder, data, note)
    part.close_keeping()
    assert part.path
    return part.path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def suffixes(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_part_and_note_are_private_whatever_the_umask(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        part_of(folder).close_keeping()
    finally:
        os.umask(before)
    assert [mode(path) for path in folder.iterdir()] == [0o600, 0o600]
    assert all(name.startswith(".hcexport-") for name in names(folder))


def test_a_planted_file_is_not_written_to(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / "theirs").write_bytes(b"theirs")
    (folder / f".hcexport-{NOTE.key}-guessed.part").hardlink_to(tmp_path / "theirs")
    with pytest.raises(CannotCreate):
        create(folder, NOTE)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_what_can_be_gone_on_with_stays(folder: Path) -> None:
    part_of(folder).close_keeping()
    assert suffixes(folder) == [".note", ".part"]


@pytest.mark.parametrize(
    ("data", "note"), [(b"", NOTE), (b"12345", replace(NOTE, validator=None)), (b"12345", replace(NOTE, total=None))]
)
def test_what_cannot_is_removed(folder: Path, data: bytes, note: PartMetadata) -> None:
    part_of(folder, data, note).close_keeping()
    assert names(folder) == []


def test_a_part_without_a_folder_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = names(tmp_path)
    part = create(None, NOTE)
    part.write(b"12345")
    assert names(tmp_path) == before
    target = BytesIO()
    stream(part, target)
    part.close_keeping()
    assert target.getvalue() == b"12345"


def test_a_full_disk_is_said_and_what_was_written_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = create(folder, NOTE)
    part.file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        part.file = full
        with pytest.raises(CannotCreate) as raised:
            part.write(b"12345")
    assert part.size == 0
    assert str(folder) in raised.value.message
    assert raised.value.hint
    part.discard()


def test_short_writes_of_a_chunk_are_continued(folder: Path) -> None:
    part = create(folder, NOTE)
    write = part.file.write
    part.file = _Stingy(part.file, write)  # type: ignore[assignment] # all that write() uses of it
    part.write(b"1234567890")
    assert part.size == 10
    assert part.sha256 == sha256(b"1234567890").hexdigest()
    assert part.path
    assert part.path.read_bytes() == b"1234567890"
    part.discard()


class _Stingy:
    closed = False

    def __init__(self, file: object, write: Callable[[memoryview], int]) -> None:
        self._file = file
        self._write = write

    def write(self, data: memoryview) -> int:
        return self._write(data[:3])

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


# Going on


def test_a_dead_part_is_inherited_with_all_its_bytes(folder: Path) -> None:
    dead_part(folder)
    part = adopt(folder, PartMetadata(NOTE.origin, NOTE.item_id))
    assert part
    assert part.note == NOTE
    part.write(b"67890")
    assert part.size == 10
    assert part.sha256 == sha256(b"1234567890").hexdigest()
    assert part.path
    assert part.path.read_bytes() == b"1234567890"
    assert len(names(folder)) == 2
    part.discard()
    assert names(folder) == []


def test_only_one_inherits(folder: Path) -> None:
    dead_part(folder)
    first, second = adopt(folder, NOTE), adopt(folder, NOTE)
    assert first
    assert second is None
    first.close_keeping()


def test_the_longest_part_is_the_one_to_go_on_with(folder: Path) -> None:
    for data in (b"12", b"12345678", b"1234"):
        dead_part(folder, data)
    part = adopt(folder, NOTE)
    assert part
    assert part.size == 8
    part.discard()


def test_an_owner_that_lives_keeps_its_part(folder: Path) -> None:
    part = part_of(folder)
    assert adopt(folder, NOTE) is None
    part.close_keeping()


def test_without_locks_a_live_owner_writes_to_nobodys_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    robbed = part_of(folder)
    part = adopt(folder, NOTE)
    assert part
    robbed.write(b"garbage")
    robbed.file.truncate(0)
    assert part.path
    assert part.path.read_bytes() == b"12345"
    for if_exists in IfExists:
        with pytest.raises(PartTakenError):
            publish(robbed, folder / "a.zip", if_exists=if_exists, mode=0o644)
    robbed.discard()
    assert publish(part, folder / "a.zip", if_exists=IfExists.FAIL, mode=0o644) == folder / "a.zip"
    assert names(folder) == ["a.zip"]


def test_an_owner_that_found_no_locks_is_still_inherited_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_part(folder)

    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    part = adopt(folder, NOTE)
    assert part
    part.discard()


def rewrite(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def write(note: Path) -> None:
        body = json.loads(note.read_text())
        change(body)
        note.write_text(json.dumps(body))

    return write


UNFIT: dict[str, Callable[[Path], object]] = {
    "no note": lambda note: note.unlink(),
    "a torn note": lambda note: os.truncate(note, 20),
    "an empty note": lambda note: note.write_text(""),
    "a note that is a list": lambda note: note.write_text("[]"),
    "a deep note": lambda note: note.write_text("[" * 60_000),
    "a note with something else in it": rewrite(lambda body: body.update(more=1)),
    "a note of wrong kinds": rewrite(lambda body: body.update(total="10")),
    "another origin": rewrite(lambda body: body.update(origin="https://other")),
    "another item": rewrite(lambda body: body.update(item_id="item-2")),
    "no validator": rewrite(lambda body: body.update(validator=None)),
    "no total": rewrite(lambda body: body.update(total=None)),
    "more bytes than there are": rewrite(lambda body: body.update(total=4)),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_part_that_does_not_fit_its_note_is_dropped(folder: Path, name: str) -> None:
    UNFIT[name](dead_part(folder).with_suffix(".note"))
    assert adopt(folder, NOTE) is None
    assert names(folder) == []


@pytest.mark.parametrize("other", [replace(NOTE, origin="https://other"), replace(NOTE, item_id="item-2")])
def test_parts_of_others_are_left_alone(folder: Path, other: PartMetadata) -> None:
    dead_part(folder, note=other)
    assert adopt(folder, NOTE) is None
    assert suffixes(folder) == [".note", ".part"]


def test_a_planted_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"12345")
    path = dead_part(folder)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    assert adopt(folder, NOTE) is None
    assert (tmp_path / "secret").read_bytes() == b"12345"


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_what_another_user_planted_is_not_taken(folder: Path) -> None:
    os.chown(dead_part(folder), 65534, 65534)
    assert adopt(folder, NOTE) is None
    assert suffixes(folder) == [".note", ".part"]


def test_a_part_that_cannot_be_copied_is_fetched_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_part(folder)

    def full(_: Part, chunk: bytes) -> None:
        raise CannotCreate("no room")

    monkeypatch.setattr(Part, "write", full)
    assert adopt(folder, NOTE) is None
    assert names(folder) == []


def test_an_interrupt_while_copying_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_part(folder)

    def interrupted(_: Part, chunk: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Part, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            adopt(folder, NOTE)
    part = adopt(folder, NOTE)
    assert part
    assert part.size == 5
    part.discard()
    assert names(folder) == []


def test_only_old_things_of_ours_are_swept(folder: Path) -> None:
    old, young = dead_part(folder), dead_part(folder)
    (folder / f".hcexport-zip-{HEX}.extract" / "content").mkdir(parents=True)
    (folder / f".hcexport-zip-{HEX}.extract" / "content" / "a.csv").write_text("")
    (folder / f".hcexport-try-{HEX}.probe").write_text("")
    (folder / "mine.zip").write_text("")
    now = old.stat().st_mtime + SWEEP_AFTER_S + 1
    for path in (young, young.with_suffix(".note")):
        os.utime(path, (now, now))
    remove_stale(folder, now)
    assert names(folder) == sorted([young.name, young.with_suffix(".note").name, "mine.zip"])


def a_file(path: Path) -> None:
    path.write_text("mine")


def a_home(path: Path) -> None:
    """What HCEXPORT_HOME holds."""
    (path / "credentials").mkdir(parents=True)
    (path / "config.toml").write_text("mine")


def a_link(path: Path) -> None:
    path.symlink_to("mine.zip")


def an_unpacked_folder(path: Path) -> None:
    (path / "content").mkdir(parents=True)
    (path / "notes.txt").write_text("mine")


def a_link_as_content(path: Path) -> None:
    path.mkdir()
    (path / "content").symlink_to("..")


USERS_OWN: list[tuple[str, Callable[[Path], None]]] = [
    (".hcexport-pw", a_file),
    (".hcexport-password.note", a_file),
    (".hcexport-", a_file),
    (f".hcexport-{HEX}.part", a_file),
    (f".hcexport-{HEX}-{HEX}.zip", a_file),
    (f".hcexport-{HEX}-{HEX}.part.bak", a_file),
    (f".hcexport-{HEX}-{HEX}.part\n", a_file),
    (f".hcexport-{HEX.upper()}-{HEX}.part", a_file),
    (f".hcexport-{HEX}0-{HEX}.part", a_file),
    (f".hcexport-{HEX}-{HEX}.probe", a_file),
    (f".hcexport-zip-{HEX}.part", a_file),
    (f".hcexport-zip-{HEX}.extract", a_file),
    (f".hcexport-zip-{HEX}.extract", a_home),
    (f".hcexport-zip-{HEX}.extract", an_unpacked_folder),
    (f".hcexport-zip-{HEX}.extract", a_link_as_content),
    (".hcexport-prod", a_home),
    (".hcexport-archive.extract", an_unpacked_folder),
    (f".hcexport-{HEX}-{HEX}.part", a_home),
    (f".hcexport-{HEX}-{HEX}.extract", a_home),
    (".hcexport-link", a_link),
    (f".hcexport-{HEX}-{HEX}.part", a_link),
    (f".hcexport-zip-{HEX}.extract", a_link),
    (f".hcexport-{HEX}-{HEX}.part", os.mkfifo),
    (f".hcexport-try-{HEX}.probe", Path.mkdir),
]


@pytest.mark.parametrize(("name", "make"), USERS_OWN, ids=[f"{name} {make.__name__}" for name, make in USERS_OWN])
def test_what_a_user_called_like_ours_is_not_swept(folder: Path, name: str, make: Callable[[Path], None]) -> None:
    (folder / "mine.zip").write_text("")
    make(folder / name)
    before = sorted(folder.rglob("*"))
    remove_stale(folder, (folder / name).lstat().st_mtime + 2 * SWEEP_AFTER_S)
    assert sorted(folder.rglob("*")) == before


def test_a_users_file_is_not_taken_for_a_part(folder: Path) -> None:
    (folder / f".hcexport-{NOTE.key}-mine.part").write_text("mine")
    assert adopt(folder, NOTE) is None
    assert names(folder) == [f".hcexport-{NOTE.key}-mine.part"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_what_another_user_left_is_not_swept(folder: Path) -> None:
    old = dead_part(folder)
    os.chown(old, 65534, 65534)
    remove_stale(folder, old.stat().st_mtime + SWEEP_AFTER_S + 1)
    assert names(folder) == [old.name]


# Publishing


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the disk, in order."""
    calls: list[str] = []

    def recorded(name: str) -> None:
        real = getattr(os, name)

        def call(*args: object, **more: object) -> object:
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)  # type: ignore[arg-type] # a descriptor
            calls.append("fsync folder" if is_folder else name)
            return real(*args, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "link", "replace", "unlink"):
        recorded(name)
    return calls


@pytest.mark.parametrize(
    ("if_exists", "expected"),
    [
        (IfExists.FAIL, ["fsync", "link", "fsync folder", "unlink", "unlink"]),
        (IfExists.SKIP, ["fsync", "link", "fsync folder", "unlink", "unlink"]),
        (IfExists.RENAME, ["fsync", "link", "fsync folder", "unlink", "unlink"]),
        (IfExists.OVERWRITE, ["fsync", "replace", "fsync folder", "unlink", "unlink"]),
    ],
)
def test_bytes_first_then_the_name_then_the_folder(
    folder: Path, order: list[str], if_exists: IfExists, expected: list[str]
) -> None:
    target = folder / "a.zip"
    assert publish(part_of(folder), target, if_exists=if_exists, mode=0o640) == target
    assert order == expected
    assert target.read_bytes() == b"12345"
    assert mode(target) == 0o640
    assert names(folder) == ["a.zip"]


def test_a_name_that_was_taken_meanwhile_stays_and_the_part_too(folder: Path) -> None:
    (folder / "a.zip").write_bytes(b"theirs")
    part = part_of(folder)
    with pytest.raises(CannotCreate):
        publish(part, folder / "a.zip", if_exists=IfExists.FAIL, mode=0o644)
    part.close_keeping()
    assert (folder / "a.zip").read_bytes() == b"theirs"
    assert [mode(path) for path in folder.glob(".hcexport-*")] == [0o600, 0o600]


def test_skip_lets_the_other_have_the_name(folder: Path) -> None:
    (folder / "a.zip").write_bytes(b"theirs")
    assert publish(part_of(folder), folder / "a.zip", if_exists=IfExists.SKIP, mode=0o644) is None
    assert (folder / "a.zip").read_bytes() == b"theirs"
    assert names(folder) == ["a.zip"]


def test_rename_takes_the_next_free_number(folder: Path) -> None:
    for expected in ("a.zip", "a (1).zip", "a (2).zip"):
        assert publish(part_of(folder), folder / "a.zip", if_exists=IfExists.RENAME, mode=0o644) == folder / expected


def test_a_stream_has_everything_when_it_is_said_to(folder: Path, tmp_path: Path) -> None:
    part = part_of(folder)
    with (tmp_path / "out").open("wb") as output:
        stream(part, output)
        assert (tmp_path / "out").read_bytes() == b"12345"
    part.discard()


def test_overwrite_replaces_a_link_and_not_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (folder / "a.zip").symlink_to(tmp_path / "elsewhere")
    publish(part_of(folder), folder / "a.zip", if_exists=IfExists.OVERWRITE, mode=0o644)
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
    assert not (folder / "a.zip").is_symlink()


def test_a_fifo_that_got_the_name_meanwhile_is_not_replaced(folder: Path) -> None:
    os.mkfifo(folder / "a.zip")
    part = part_of(folder)
    with pytest.raises(CannotCreate):
        publish(part, folder / "a.zip", if_exists=IfExists.OVERWRITE, mode=0o644)
    part.discard()
    assert (folder / "a.zip").is_fifo()


def test_a_folder_is_not_overwritten(folder: Path) -> None:
    (folder / "a.zip").mkdir()
    part = part_of(folder)
    with pytest.raises(CannotCreate):
        publish(part, folder / "a.zip", if_exists=IfExists.OVERWRITE, mode=0o644)
    part.discard()


@pytest.mark.parametrize("taken", [False, True])
def test_without_hard_links_a_name_is_looked_at_and_then_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    def not_here(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", not_here)
    if taken:
        (folder / "a.zip").write_bytes(b"theirs")
    expected = folder / ("a (1).zip" if taken else "a.zip")
    assert publish(part_of(folder), folder / "a.zip", if_exists=IfExists.RENAME, mode=0o644) == expected
    assert expected.read_bytes() == b"12345"
    assert not list(folder.glob(".hcexport-*"))


def test_an_error_of_the_disk_is_not_taken_for_a_missing_link(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    part = part_of(folder)
    with pytest.raises(CannotCreate):
        publish(part, folder / "a.zip", if_exists=IfExists.FAIL, mode=0o644)
    part.discard()
    assert names(folder) == []


def test_a_folder_that_cannot_be_synced_is_not_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert publish(part_of(folder), folder / "a.zip", if_exists=IfExists.FAIL, mode=0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_that_may_not_be_read_can_be_saved_into(drop_box: Path) -> None:
    target = publish(part_of(drop_box), drop_box / "a.zip", if_exists=IfExists.FAIL, mode=0o644)
    assert target
    assert target.read_bytes() == b"12345"


def test_an_interrupt_while_a_part_is_dropped_does_not_keep_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    part = part_of(folder)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt):
            part.discard()
    part.close_keeping()
    assert names(folder) == []


def test_bytes_that_do_not_reach_the_disk_get_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    part = part_of(folder)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(CannotCreate):
        publish(part, folder / "a.zip", if_exists=IfExists.OVERWRITE, mode=0o644)
    assert not (folder / "a.zip").exists()
    part.discard()


@pytest.mark.parametrize("function", ["link", "replace"])
def test_an_interrupt_after_the_publication_leaves_no_part(
    folder: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    real = getattr(os, function)

    def interrupted(*args: object) -> None:
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, function, interrupted)
    part = part_of(folder)
    if_exists = IfExists.OVERWRITE if function == "replace" else IfExists.FAIL
    with pytest.raises(KeyboardInterrupt):
        publish(part, folder / "a.zip", if_exists=if_exists, mode=0o644)
    part.close_keeping()
    assert names(folder) == ["a.zip"]
