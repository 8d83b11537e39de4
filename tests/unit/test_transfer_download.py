"""A download against a server that answers as it is told, without a socket or a second of waiting."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hcexport.errors import (
    AuthError,
    BadDownload,
    Busy,
    CannotCreate,
    CertificateError,
    Interrupted,
    NetworkError,
    NotFound,
    PrivilegeMissing,
    ProtocolError,
    ServerError,
    TimedOut,
)
from hcexport.models import UploadItem
from hcexport.times import NO_DEADLINE, Deadline
from hcexport.transfer.destination import IfExists, StreamDestination, resolve
from hcexport.transfer.download import Saved, download
from hcexport.transfer.part_file import PartMetadata, adopt
from tests.support.zips import make_export

ORIGIN = "https://org.example.com/gis"
ITEM = "f57951c9"


V1, V2, LARGER = make_export(1, 40_000), make_export(2, 40_000), make_export(3, 50_000)
HALF = len(V1) // 2
CUT = NetworkError("the line broke")


@dataclass
class Answer:
    """``body`` in chunks, then ``then`` is raised."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    then: BaseException | None = None
    step: int = 1000

    def __post_init__(self) -> None:
        self.chunks = self._pour()

    def _pour(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.step):
            yield self.body[start : start + self.step]
        if self.then:
            raise self.then


Turn = Callable[[int, str | None], Answer]


def full(
    body: bytes = V1, *, etag: str = '"v1"', upto: int | None = None, then: BaseException | None = None, **headers: str
) -> Turn:
    """The whole file, whatever was asked for; cut after ``upto`` bytes."""
    said = {"content_length": str(len(body)), "etag": etag, **headers}
    kept = {name.replace("_", "-"): value for name, value in said.items() if value}
    return lambda _first, _validator: Answer(200, kept, body[:upto], then or (CUT if upto is not None else None))


def ranged(body: bytes = V1, *, etag: str = '"v1"', upto: int | None = None, then: BaseException | None = None) -> Turn:
    """A good server: a 206 for a range of the version that the client has."""

    def answer(first: int, validator: str | None) -> Answer:
        if not first or validator != etag:
            return full(body, etag=etag, upto=upto, then=then)(first, validator)
        if first >= len(body):
            return Answer(416, {"content-range": f"bytes */{len(body)}"}, b"")
        said = {"content-range": f"bytes {first}-{len(body) - 1}/{len(body)}", "etag": etag}
        end = len(body) if upto is None else first + upto
        return Answer(206, said, body[first:end], then or (CUT if end < len(body) else None))

    return answer


def partial(said: str, body: bytes, **headers: str) -> Turn:
    return lambda _first, _validator: Answer(206, {"content-range": said, **headers}, body)


def fails(error: BaseException) -> Turn:
    def answer(_first: int, _validator: str | None) -> Answer:
        raise error

    return answer


@dataclass
class Server:
    """Takes its turns one by one; the last one goes on for ever."""

    turns: Sequence[Turn]
    items: Sequence[UploadItem | Exception] = (UploadItem(ITEM, name="reports.zip"),)
    asked: list[tuple[int, str | None]] = field(default_factory=list)
    looked: int = 0

    def upload_item(self, item_id: str) -> UploadItem:
        assert item_id == ITEM
        item = self.items[min(self.looked, len(self.items) - 1)]
        self.looked += 1
        if isinstance(item, Exception):
            raise item
        return item

    @contextmanager
    def open_item(self, item_id: str, *, first_byte: int = 0, validator: str | None = None) -> Iterator[Answer]:
        assert item_id == ITEM
        turn = self.turns[min(len(self.asked), len(self.turns) - 1)]
        self.asked.append((first_byte, validator))
        yield turn(first_byte, validator)


@dataclass
class Scene:
    """A folder, and a clock that only sleeping moves."""

    folder: Path
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    verified: int = 0
    progress: list[tuple[int, int | None]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def begin_to_verify(self) -> None:
        self.verified += 1

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(self.now + seconds, lambda: self.now)

    def run(self, server: Server, out: str = "reports.zip", if_exists: IfExists = IfExists.FAIL, **more: Any) -> Saved:
        destination = more.pop("destination", None) or resolve(str(self.folder / out), if_exists=if_exists)
        return download(
            server,
            ITEM,
            destination,
            origin=ORIGIN,
            sleep=self.sleep,
            on_verifying=self.begin_to_verify,
            on_bytes=lambda done, total: self.progress.append((done, total)),
            **{"deadline": self.deadline(math.inf), **more},
        )

    def fails(self, server: Server, error: type[BaseException], **more: Any) -> BaseException:
        with pytest.raises(error) as raised:
            self.run(server, **more)
        return raised.value

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def kinds(self) -> list[str]:
        """Suffixes: what is left, without the names that are made up."""
        return sorted(path.suffix for path in self.folder.iterdir())

    @property
    def content(self) -> bytes:
        return (self.folder / "reports.zip").read_bytes()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    folder = tmp_path / "folder"
    folder.mkdir()
    return Scene(folder)


def saved_as(scene: Scene, body: bytes) -> None:
    """The whole of one version is under the final name, and nothing else is left."""
    assert scene.content == body
    assert scene.names == ["reports.zip"]


# The straight way


def test_a_download_says_what_was_saved_and_where(scene: Scene) -> None:
    saved = scene.run(Server([full()]))
    assert saved == Saved(scene.folder / "reports.zip", len(V1), sha256(V1).hexdigest(), warnings=())
    saved_as(scene, V1)
    assert scene.verified == 1
    assert scene.progress[-1] == (len(V1), len(V1))


def test_what_the_zip_lacks_is_warned_about(scene: Scene) -> None:
    assert len(scene.run(Server([full()]), run_ids=["prslejr7yt", "vegcl1xm6u"]).warnings) == 2


def test_a_folder_that_anybody_may_write_to_is_warned_about(scene: Scene) -> None:
    scene.folder.chmod(0o777)
    assert str(scene.folder) in scene.run(Server([full()])).warnings[0]
    scene.folder.chmod(0o1777)
    assert scene.run(Server([full()]), if_exists=IfExists.OVERWRITE).warnings == ()


def test_the_servers_name_never_leads_out_of_the_folder(scene: Scene) -> None:
    server = Server([full()], items=[UploadItem(ITEM, name="../../etc/passwd")])
    saved = scene.run(server, out="")
    assert saved.path
    assert saved.path.parent == scene.folder
    assert scene.names == [saved.path.name]


@pytest.mark.parametrize("step", [1, 3, 4, 5, 70_000])
def test_chunks_come_in_any_size(scene: Scene, step: int) -> None:
    answer = full()(0, None)
    answer.step = step
    scene.run(Server([lambda _first, _validator: answer]))
    saved_as(scene, V1)


def test_an_empty_zip_is_not_saved(scene: Scene) -> None:
    with pytest.raises(BadDownload):
        scene.run(Server([full(b"PK\x05\x06" + bytes(18))]))
    assert list(scene.folder.iterdir()) == []


@pytest.mark.parametrize(
    "headers",
    [{"content_length": ""}, {"content_length": "", "transfer_encoding": "chunked"}, {"content_encoding": "identity"}],
)
def test_headers_that_do_no_harm(scene: Scene, headers: dict[str, str]) -> None:
    scene.run(Server([full(**headers)]))
    saved_as(scene, V1)


# Breaks


def test_a_break_is_gone_on_with_where_it_was(scene: Scene) -> None:
    server = Server([ranged(upto=HALF), ranged(upto=1000), ranged()])
    saved = scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(0, None), (HALF, '"v1"'), (HALF + 1000, '"v1"')]
    assert saved.sha256 == sha256(V1).hexdigest()
    assert len(scene.slept) == 2


@pytest.mark.parametrize("etag", ["", 'W/"v1"', "v1"])
def test_without_a_strong_validator_it_starts_over(scene: Scene, etag: str) -> None:
    server = Server([full(etag=etag, upto=HALF), full(V2, etag=etag)])
    scene.run(server)
    saved_as(scene, V2)
    assert server.asked == [(0, None), (0, None)]


def test_without_a_length_it_starts_over(scene: Scene) -> None:
    server = Server([full(upto=HALF, content_length="", transfer_encoding="chunked"), full()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(0, None), (0, None)]


def test_a_server_that_starts_over_is_followed_three_times(scene: Scene) -> None:
    server = Server([full(upto=HALF)])
    scene.fails(server, BadDownload)
    assert len(server.asked) == 5  # the answer to the last one would have been the fourth restart
    assert scene.names == []


def test_breaks_with_progress_are_followed_to_the_end(scene: Scene) -> None:
    server = Server([ranged(upto=1500)])
    scene.run(server)
    saved_as(scene, V1)
    assert len(server.asked) == math.ceil(len(V1) / 1500)


def test_a_server_that_is_gone_is_given_up_and_the_part_stays(scene: Scene) -> None:
    server = Server([ranged(upto=HALF), fails(CUT)])
    assert scene.fails(server, NetworkError) is CUT
    assert scene.now == 300
    assert scene.kinds == [".note", ".part"]


def test_the_wait_that_a_server_asks_for_is_waited(scene: Scene) -> None:
    busy = NetworkError("busy", retry_after_s=77)
    scene.run(Server([fails(busy), full()]))
    assert scene.slept == [77]


def test_a_certificate_is_not_tried_again(scene: Scene) -> None:
    server = Server([fails(CertificateError("expired"))])
    scene.fails(server, CertificateError)
    assert len(server.asked) == 1


def test_a_page_instead_of_the_rest_leaves_the_part_alone(scene: Scene) -> None:
    page = ProtocolError("a page")
    server = Server([ranged(upto=HALF), fails(page), ranged()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked[-1] == (HALF, '"v1"')


def test_a_page_that_stays_ends_it(scene: Scene) -> None:
    server = Server([fails(ProtocolError("a page"))])
    scene.fails(server, ProtocolError)
    assert len(server.asked) == 3


def test_junk_instead_of_the_rest_does_not_cost_the_part(scene: Scene) -> None:
    junk = Server([ranged(upto=HALF), full(b"<not a zip>", etag='"v2"')])
    scene.fails(junk, BadDownload)
    server = Server([ranged()])
    scene.run(server)
    assert server.asked == [(HALF, '"v1"')]


def test_an_answer_that_ends_early_without_an_error_is_a_break(scene: Scene) -> None:
    def short(_first: int, _validator: str | None) -> Answer:
        return Answer(200, {"content-length": str(len(V1)), "etag": '"v1"'}, V1[:HALF])

    server = Server([short, ranged()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(0, None), (HALF, '"v1"')]


@pytest.mark.parametrize("upto", [0, 3, HALF])
def test_a_response_without_length_that_ends_is_repeated(scene: Scene, upto: int) -> None:
    def short(_first: int, _validator: str | None) -> Answer:
        return Answer(200, {}, V1[:upto])

    scene.run(Server([short, full()]))
    saved_as(scene, V1)


def test_one_that_always_just_ends_is_a_bad_download(scene: Scene) -> None:
    server = Server([full(upto=None, body=V1[:HALF], content_length="", etag="")])
    scene.fails(server, BadDownload)
    assert len(server.asked) == 4
    assert scene.names == []


# Answers that do not fit


REST = f"bytes {HALF}-{len(V1) - 1}/{len(V1)}"


@pytest.mark.parametrize(
    "turn",
    [
        partial("", V1[HALF:]),
        partial(f"bytes {HALF - 1}-{len(V1) - 1}/{len(V1)}", V1[HALF - 1 :]),
        partial(f"bytes 0-{len(V1) - 1}/{len(V1)}", V1),
        partial(f"bytes {HALF}-{len(V1)}/{len(V1) + 1}", V1[HALF:]),
        partial(f"bytes {HALF}-{len(V1) - 2}/{len(V1)}", V1[HALF:-1]),
        partial(REST, V2[HALF:], etag='"v2"'),
        partial(REST, V1[HALF:], **{"content-encoding": "gzip"}),
        lambda _first, _validator: Answer(416, {"content-range": f"bytes */{HALF}"}, b""),
        lambda _first, _validator: Answer(416, {}, b""),
    ],
)
def test_any_other_range_than_the_one_asked_for_starts_over(scene: Scene, turn: Turn) -> None:
    server = Server([ranged(upto=HALF), turn, full()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked[2] == (0, None)


@pytest.mark.parametrize("turn", [partial(REST, V1[HALF:]), lambda _first, _validator: Answer(416, {}, b"")])
def test_a_range_that_nobody_asked_for_is_not_taken(scene: Scene, turn: Turn) -> None:
    scene.fails(Server([turn]), BadDownload)
    assert scene.names == []


@pytest.mark.parametrize("other", [V2, LARGER])
def test_a_changed_item_is_saved_whole_and_never_spliced(scene: Scene, other: bytes) -> None:
    server = Server([ranged(upto=HALF), ranged(other, etag='"v2"', upto=HALF), ranged(other, etag='"v2"')])
    reasons: list[Exception] = []
    scene.run(server, on_restart=reasons.append)
    assert len(reasons) == 1  # the other break was resumed
    saved_as(scene, other)
    assert server.asked == [(0, None), (HALF, '"v1"'), (HALF, '"v2"')]


def test_shifted_bytes_under_a_truthful_header_start_over(scene: Scene) -> None:
    server = Server([ranged(upto=HALF), partial(REST, V1[HALF + 1 :] + b"x"), full()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked[2] == (0, None)


def test_too_many_bytes_are_a_break_and_then_start_over(scene: Scene) -> None:
    server = Server([ranged(upto=HALF), partial(REST, V1[HALF:] + b"more"), full()])
    scene.run(server)
    saved_as(scene, V1)


def test_something_that_packs_the_file_again_is_named(scene: Scene) -> None:
    error = scene.fails(Server([full(content_encoding="gzip")]), BadDownload)
    assert "gzip" in str(error)
    assert scene.names == []


@pytest.mark.parametrize("body", [b"", b"PK", b"PK\x01\x02" + V1, b"GIF89a" * 100])
def test_what_is_no_zip_is_not_even_begun(scene: Scene, body: bytes) -> None:
    server = Server([full(body)])
    scene.fails(server, BadDownload)
    assert len(server.asked) == 1
    assert scene.names == []


def test_a_zip_that_the_server_damaged_is_bad_at_once(scene: Scene) -> None:
    server = Server([full(V1[:HALF] + b"\0" + V1[HALF + 1 :])])
    error = scene.fails(server, BadDownload)
    assert isinstance(error, BadDownload)
    assert error.hint
    assert len(server.asked) == 1
    assert scene.names == []


@pytest.mark.parametrize("if_exists", [IfExists.OVERWRITE, IfExists.RENAME])
def test_the_old_file_survives_a_failure(scene: Scene, if_exists: IfExists) -> None:
    (scene.folder / "reports.zip").write_bytes(b"old")
    scene.fails(Server([full(V1[:-1] + b"x")]), BadDownload, if_exists=if_exists)
    saved_as(scene, b"old")


# The next run


def interrupted_run(scene: Scene, body: bytes = V1, upto: int = HALF) -> None:
    scene.fails(Server([ranged(body, upto=upto, then=Interrupted(15, "SIGTERM"))]), Interrupted)
    assert scene.kinds == [".note", ".part"]


def test_the_next_run_goes_on(scene: Scene) -> None:
    interrupted_run(scene)
    server = Server([ranged()])
    saved = scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(HALF, '"v1"')]
    assert saved.sha256 == sha256(V1).hexdigest()


def test_the_next_run_goes_on_under_another_name(scene: Scene) -> None:
    interrupted_run(scene)
    server = Server([ranged()])
    scene.run(server, out="other.zip")
    assert server.asked == [(HALF, '"v1"')]
    assert scene.names == ["other.zip"]


def test_a_part_that_is_complete_is_only_checked(scene: Scene) -> None:
    interrupted_run(scene, upto=len(V1))
    server = Server([ranged()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(len(V1), '"v1"')]


@pytest.mark.parametrize("size", [HALF, len(V1)])
def test_a_part_that_was_damaged_on_the_disk_starts_over(scene: Scene, size: int) -> None:
    interrupted_run(scene, upto=size)
    (part,) = scene.folder.glob("*.part")
    part.write_bytes(V1[:1000] + bytes(10) + V1[1010:size])
    server = Server([ranged()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(size, '"v1"'), (0, None)]


def test_a_part_of_what_has_changed_since_is_dropped(scene: Scene) -> None:
    interrupted_run(scene)
    scene.run(Server([ranged(V2, etag='"v2"')]))
    saved_as(scene, V2)


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_what_the_next_run_could_not_use_is_not_left(scene: Scene, etag: str) -> None:
    stopped = full(etag=etag, upto=HALF, then=Interrupted(2, "SIGINT"))
    scene.fails(Server([stopped]), Interrupted)
    assert scene.names == []


@pytest.mark.parametrize("error", [NotFound("gone"), AuthError("expired"), TimedOut("late"), KeyboardInterrupt()])
def test_whatever_ends_it_the_part_stays(scene: Scene, error: BaseException) -> None:
    scene.fails(Server([ranged(upto=HALF), fails(error)]), type(error))
    left = adopt(scene.folder, PartMetadata(ORIGIN, ITEM))
    assert left
    assert left.size == HALF
    left.discard()


def test_what_nobody_came_back_for_is_swept(scene: Scene) -> None:
    interrupted_run(scene)
    for path in scene.folder.iterdir():
        os.utime(path, (0, 0))
    download(Server([full()]), ITEM, resolve(f"{scene.folder}/reports.zip"), origin="https://other", sleep=scene.sleep)
    saved_as(scene, V1)


def test_a_part_of_another_organization_is_not_touched(scene: Scene) -> None:
    interrupted_run(scene)
    server = Server([ranged()])
    download(server, ITEM, resolve(f"{scene.folder}/other.zip"), origin="https://other", sleep=scene.sleep)
    assert server.asked == [(0, None)]
    assert scene.kinds == [".note", ".part", ".zip"]


def test_a_part_taken_over_by_another_run_is_fetched_again(scene: Scene) -> None:
    """What an owner sees that was taken for dead."""

    def robbed(_first: int, _validator: str | None) -> Answer:
        answer = full()(0, None)
        chunks = answer.chunks

        def rob() -> Iterator[bytes]:
            yield from chunks
            for path in scene.folder.glob(".hcexport-*"):
                path.unlink()

        answer.chunks = rob()
        return answer

    server = Server([robbed, full()])
    scene.run(server)
    saved_as(scene, V1)
    assert server.asked == [(0, None), (0, None)]


# Time


def test_the_deadline_ends_it_and_the_part_stays(scene: Scene) -> None:
    def slow(first: int, validator: str | None) -> Answer:
        scene.now += 4
        return ranged(upto=1000)(first, validator)

    scene.fails(Server([slow]), TimedOut, deadline=scene.deadline(10))
    assert scene.now < 15
    assert scene.kinds == [".note", ".part"]


UNFINISHED = UploadItem(ITEM, name="reports.zip", committed=False)
ABSENT = NotFound("no such item")


def test_a_page_that_is_not_needed_is_not_asked_for(scene: Scene) -> None:
    server = Server([full()], items=[PrivilegeMissing("not allowed")])
    scene.run(server)
    saved_as(scene, V1)
    assert server.looked == 0


@pytest.mark.parametrize(
    "refusal",
    [PrivilegeMissing("not allowed"), NotFound("no"), ServerError("no"), ProtocolError("a page"), NetworkError("no")],
)
def test_a_name_that_is_refused_does_not_end_the_download(scene: Scene, refusal: Exception) -> None:
    saved = scene.run(Server([full()], items=[refusal]), out="")
    assert saved.path == scene.folder / "health-reports.zip"
    assert scene.slept == []


def test_a_page_that_is_late_still_gives_the_name(scene: Scene) -> None:
    server = Server([full()], items=[ABSENT, ABSENT, UploadItem(ITEM, name="reports.zip")])
    scene.run(server, out="", is_new=True)
    saved_as(scene, V1)


def test_an_item_that_never_says_committed_is_fetched(scene: Scene) -> None:
    scene.run(Server([full()], items=[UNFINISHED]), out="")
    saved_as(scene, V1)
    assert scene.slept == []


@pytest.mark.parametrize("refusal", [ABSENT, ServerError("not yet"), ProtocolError("a page")])
def test_a_refusal_while_the_item_is_written_is_repeated(scene: Scene, refusal: Exception) -> None:
    server = Server([*[fails(refusal)] * 4, full()], items=[UNFINISHED])
    scene.run(server)
    saved_as(scene, V1)


def test_an_item_finished_during_the_look_is_fetched(scene: Scene) -> None:
    server = Server([fails(ABSENT), fails(ABSENT), full()], items=[UNFINISHED, UploadItem(ITEM)])
    scene.run(server)
    saved_as(scene, V1)
    scene.fails(Server([fails(ABSENT)], items=[UNFINISHED, UploadItem(ITEM)]), NotFound, out="other.zip")


def test_half_a_zip_of_an_unfinished_item_is_fetched_again(scene: Scene) -> None:
    server = Server([full(V1[:HALF]), full(V1[:HALF]), full()], items=[UNFINISHED])
    scene.run(server)
    saved_as(scene, V1)


def test_an_item_that_is_written_for_ever_is_given_up(scene: Scene) -> None:
    error = scene.fails(Server([fails(ABSENT)], items=[UNFINISHED]), Busy)
    assert ITEM in str(error)
    assert scene.now == 60


def test_an_unfinished_item_is_not_awaited_past_the_deadline(scene: Scene) -> None:
    scene.fails(Server([fails(ABSENT)], items=[UNFINISHED]), TimedOut, deadline=scene.deadline(10))
    assert scene.now == 10


def test_a_404_is_repeated_for_ten_seconds_after_the_job(scene: Scene) -> None:
    server = Server([fails(ABSENT), fails(ABSENT), full()])
    scene.run(server, is_new=True)
    saved_as(scene, V1)
    assert server.looked == 0


def test_no_such_item_is_believed_after_ten_seconds(scene: Scene) -> None:
    scene.fails(Server([fails(ABSENT)], items=[ABSENT]), NotFound, is_new=True)
    assert scene.now == 10
    scene.fails(Server([fails(ABSENT)], items=[ABSENT]), NotFound)
    assert scene.now == 10


# Where it lands


@pytest.mark.parametrize("out", ["reports.zip", ""])
def test_a_file_that_is_there_ends_it_before_a_byte_is_fetched(scene: Scene, out: str) -> None:
    destination = resolve(str(scene.folder / out))
    (scene.folder / "reports.zip").write_bytes(b"old")
    server = Server([full()])
    scene.fails(server, CannotCreate, destination=destination)
    assert server.asked == []
    saved_as(scene, b"old")


def test_skip_keeps_the_file_and_says_so(scene: Scene) -> None:
    (scene.folder / "reports.zip").write_bytes(b"old")
    server = Server([full()])
    assert scene.run(server, if_exists=IfExists.SKIP) == Saved(scene.folder / "reports.zip", kept=True)
    assert server.asked == []


@pytest.mark.parametrize(
    ("if_exists", "mine", "left"),
    [
        (IfExists.SKIP, b"theirs", ["reports.zip"]),
        (IfExists.OVERWRITE, V1, ["reports.zip"]),
        (IfExists.RENAME, b"theirs", ["reports (1).zip", "reports.zip"]),
    ],
    ids=["skip", "overwrite", "rename"],
)
def test_a_file_that_appears_meanwhile(scene: Scene, if_exists: IfExists, mine: bytes, left: list[str]) -> None:
    def meanwhile(first: int, validator: str | None) -> Answer:
        (scene.folder / "reports.zip").write_bytes(b"theirs")
        return full()(first, validator)

    saved = scene.run(Server([meanwhile]), if_exists=if_exists)
    assert scene.content == mine
    assert scene.names == left
    assert saved.kept == (if_exists is IfExists.SKIP)


def test_fail_keeps_a_file_that_appeared_and_the_part(scene: Scene) -> None:
    def meanwhile(first: int, validator: str | None) -> Answer:
        (scene.folder / "reports.zip").write_bytes(b"theirs")
        return full()(first, validator)

    scene.fails(Server([meanwhile]), CannotCreate)
    assert scene.content == b"theirs"
    server = Server([ranged()])
    scene.run(server, if_exists=IfExists.OVERWRITE)
    assert server.asked == [(len(V1), '"v1"')]
    saved_as(scene, V1)


def test_no_room_is_noticed_when_the_size_is_known(scene: Scene) -> None:
    server = Server([full(content_length=str(1 << 50))])
    scene.fails(server, CannotCreate)
    assert scene.names == []


def test_standard_output_gets_the_bytes_after_the_check(scene: Scene, tmp_path: Path) -> None:
    output = io.BytesIO()
    saved = scene.run(Server([ranged(upto=HALF), ranged()]), destination=StreamDestination(), output=output)
    assert output.getvalue() == V1
    assert saved.path is None
    assert saved.sha256 == sha256(V1).hexdigest()


def test_standard_output_gets_nothing_that_has_not_passed(scene: Scene) -> None:
    output = io.BytesIO()
    scene.fails(Server([full(V1[:-1] + b"x")]), BadDownload, destination=StreamDestination(), output=output)
    assert output.getvalue() == b""


def test_a_reader_that_has_gone_is_not_our_failure(scene: Scene) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), os.fdopen(writer, "wb", buffering=0) as output:
        scene.run(Server([full()]), destination=StreamDestination(), output=output)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_name_twice_is_saved_with_a_warning(scene: Scene) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"one")
        archive.writestr("a.csv", b"two")
    (warning,) = scene.run(Server([full(target.getvalue())])).warnings
    assert "a.csv" in warning
    saved_as(scene, target.getvalue())


def test_no_deadline_is_the_default(scene: Scene) -> None:
    scene.run(Server([full()]), deadline=NO_DEADLINE)
    saved_as(scene, V1)
