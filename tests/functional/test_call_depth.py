"""How deep the calls are between a command and httpx, because whoever debugs a request steps through all of them."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

import hcexport
from hcexport.api.http import _Transport
from hcexport.cli import root
from hcexport.sandbox import Sandbox

PACKAGE = Path(hcexport.__file__).parent


@pytest.mark.parametrize(("words", "most"), [(["export", "--run-ids", "oqebe23t9c"], 10), (["list"], 12)])
def test_functions_between_a_command_and_httpx(
    words: list[str], most: int, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = []
    send = _Transport.handle_request

    def send_and_look(self: _Transport, request: httpx.Request) -> httpx.Response:
        stacks.append(ours_below_the_command())
        return send(self, request)

    monkeypatch.setattr(_Transport, "handle_request", send_and_look)
    monkeypatch.setenv("HCEXPORT_URL", box.url)
    monkeypatch.setenv("HCEXPORT_TOKEN", box.new_token())
    root.main(words, prog_name="hcexport", standalone_mode=False)
    assert stacks
    for stack in stacks:
        assert stack[0].startswith("cli/commands/")
        assert stack[-1].startswith("api/http.py")
        assert len(stack) <= most, "\n".join(stack)


def ours_below_the_command() -> list[str]:
    """The functions of hcexport that are being called, from that of the command on."""
    names: list[str] = []
    frame = sys._getframe(2)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            names.insert(0, f"{path.relative_to(PACKAGE).as_posix()} {frame.f_code.co_qualname}")
            if frame.f_code.co_qualname == "command":
                break
        assert frame.f_back
        frame = frame.f_back
    return names
