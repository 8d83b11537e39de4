"""What survives a power cut: written, synced, named, and the folder synced, in this order, as the kernel saw it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.process import ForkServer

from .saving import Saving

CALLS = "openat,write,pwrite64,sendfile,copy_file_range,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink"
DONE = r"(\)\s+= 0| <unfinished)"  # strace breaks a call in two while another thread calls


@pytest.mark.parts
@pytest.mark.parametrize(("if_exists", "naming"), [("overwrite", "rename"), ("fail", "link")])
def test_order_of_a_publish(
    if_exists: str, naming: str, fork_server: ForkServer, tmp_path: Path, need_part: Callable[[str], str]
) -> None:
    log = tmp_path / "strace"
    traced = [need_part("strace"), "-f", "-y", "-o", str(log), "-e", f"trace={CALLS}", sys.executable, "-m", "hcexport"]
    with Saving(fork_server, tmp_path) as saving:
        argv = [*traced, *saving.argv("--if-exists", if_exists)]
        done = subprocess.run(argv, env=saving.env, cwd=saving.work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls = log.read_text().splitlines()
    part, folder = r"\.hcexport-[^>]*\.part", re.escape(str(saving.work))

    def last(pattern: str) -> int:
        found = [number for number, call in enumerate(calls) if re.search(pattern, call)]
        assert found, pattern
        return found[-1]

    written = last(rf"write\(\d+<{folder}/{part}>")
    synced = last(rf"fsync\(\d+<{folder}/{part}>{DONE}")
    named = last(rf'{naming}[a-z0-9]*\(.*{part}.*reports\.zip".*= 0')
    folder_synced = last(rf"fsync\(\d+<{folder}>{DONE}")
    assert written < synced < named < folder_synced
    assert not [call for call in calls if re.search(r"O_(WRONLY|RDWR).*reports\.zip", call)]
