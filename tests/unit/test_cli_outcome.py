"""What becomes of a command's Outcome, and what App makes of the options."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from hcexport.cli.app import App, CommonOptions
from hcexport.cli.outcome import Outcome, finish
from hcexport.cli.waiting import resume_command
from hcexport.errors import NotFound, Partial
from hcexport.output.fields import Field, Fields

WORD: Fields[str] = (Field("word", "WORD", lambda word: word),)


def app(**common: object) -> App:
    return App(CommonOptions(**common), os.environ)  # type: ignore[arg-type] # options of several types


@pytest.mark.parametrize(
    ("outcome", "form", "printed"),
    [
        (Outcome(), "text", ""),
        (Outcome(), "json", ""),
        (Outcome(WORD, "a"), "json", '{\n  "word": "a"\n}\n'),
        (Outcome(WORD, "a", lines=["the line"]), "json", '{\n  "word": "a"\n}\n'),
        (Outcome(WORD, "a", lines=["the line"]), "text", "the line\n"),
        (Outcome(WORD, records=["a", "b"]), "text", "a\nb\n"),
        (Outcome(WORD, records=[]), "json", "[]\n"),
        (Outcome(lines=["a script"]), "text", "a script\n"),
    ],
)
def test_finish_prints(outcome: Outcome, form: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert finish(app(format=form), outcome) == 0
    assert capsys.readouterr().out == printed


def test_finish_prints_before_it_raises(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Partial):
        finish(app(), Outcome(WORD, records=["a"], error=Partial("b is missing")))
    assert capsys.readouterr().out == "a\n"
    with pytest.raises(NotFound):
        finish(app(), Outcome(error=NotFound("nothing")))
    assert finish(app(), Outcome(status=7)) == 7


def test_finish_hints_when_the_result_cannot_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError("full")

        writelines = write  # type: ignore[assignment] # neither is used up

    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(OSError, match="full") as caught:
        finish(app(), Outcome(WORD, "a", lines=["a"], hint="hcexport wait j1"))
    assert caught.value.__notes__ == ["hcexport wait j1"]


def test_resume_command_needs_no_context_of_click() -> None:
    common = CommonOptions(profile="prod", ca_bundle=Path("ca.pem"), insecure=True, color="never")
    own = App(common, os.environ, {"timeout": 5400.0, "out": "a b.zip", "if_exists": None})
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(resume_command(own, "wait", ["j1"], ["--cleanup"])))
    thread.start()
    thread.join()
    place = Path("ca.pem").absolute()
    words = f"wait j1 --profile prod --ca-bundle {place} --out 'a b.zip' --cleanup --insecure"
    assert found == [f"hcexport {words}"]


def test_a_limit_of_a_command_that_waits_for_no_job() -> None:
    assert app().deadline.remaining() <= 600
    assert 3500 < App(CommonOptions(), os.environ, {"timeout": 3600.0}).deadline.remaining() <= 3600
    assert 1700 < App(CommonOptions(), os.environ, {"timeout": None}, waits=True).deadline.remaining() <= 1800
