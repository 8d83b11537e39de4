"""The real things around hcexport: a sandbox in a process of its own, nginx before it, a line that takes its time."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection, create_server

from hcexport.auth.credentials import Credentials
from hcexport.auth.secret_stores import FileStore
from hcexport.auth.tokens import AccountKey, Token
from hcexport.organization import Organization as Address
from hcexport.redaction import Secret
from hcexport.sandbox.sandbox import self_signed
from hcexport.store.paths import Paths

ROUND_TRIP_S = 0.05
ZIP_BYTES = 512 << 20
_MEMBER_BYTES = 16 << 20

NGINX = """
{user} worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
    location ~ /uploads/[^/]+/download$ {{ default_type application/zip; alias {zip}; }}
    location / {{ proxy_pass {url}; proxy_set_header Host $http_host; }}
  }}
}}
"""


@contextmanager
def child(*words: str, lines: int = 1) -> Iterator[list[str]]:
    """A module of this package as a process; gives the lines that it prints when it is ready.

    It ends when its standard input does, so none is left over where the bench is killed.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-m", *words], stdin=pipe, stdout=pipe, text=True)
    try:
        assert process.stdout is not None
        yield [process.stdout.readline().strip() for _ in range(lines)]
    finally:
        process.kill()
        process.wait()


class Organization:
    """A sandbox and a way to ask it what a user would not."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def get(self, path: str) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.url}/admin/{path}", headers={"X-Esri-Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextmanager
def organization(**options: object) -> Iterator[Organization]:
    """A sandbox with these options."""
    with organizations(1, **options) as [place]:
        yield place


@contextmanager
def organizations(count: int, **options: object) -> Iterator[list[Organization]]:
    """So many sandboxes with these options, in one process."""
    with child("tests.bench.sandbox_process", json.dumps([count, options]), lines=count) as said:
        yield [Organization(*line.split()) for line in said]


def add_profiles(home: Path, places: list[Organization]) -> None:
    """Make a profile for each organization, with a token that is kept in a file."""
    paths = Paths.find({"HCEXPORT_HOME": str(home)})
    home.mkdir(mode=0o700, exist_ok=True)
    with paths.config_file.open("w") as file:
        for number, place in enumerate(places):
            file.write(f'[profiles.p{number}]\nurl = "{place.url}"\nusername = "administrator"\nstore = "file"\n')
            key = AccountKey(Address.parse(place.url), "administrator")
            kept = Credentials(key, FileStore(paths.credentials), paths, f"p{number}")
            kept.keep_token(Token(Secret(place.token), datetime.now(UTC) + timedelta(days=1), "administrator"))


@contextmanager
def slow_line(port: int) -> Iterator[int]:
    """The port of a line to another port of this machine that adds ROUND_TRIP_S to each question and answer."""
    with child("tests.bench.slow_line", str(port), str(ROUND_TRIP_S / 2)) as [said]:
        yield int(said)


@contextmanager
def nginx(folder: Path, behind: Organization, archive: Path, certificate: tuple[Path, Path]) -> Iterator[str]:
    """The URL of the same organization behind nginx with TLS, which serves ``archive`` as every upload item."""
    port = free_port()
    origin, context = behind.url.rsplit("/", 1)
    cert, key = certificate
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker is nobody, who may not look into the folder
    config = NGINX.format(user=user, folder=folder, port=port, cert=cert, key=key, zip=archive, url=origin)
    (folder / "nginx.conf").write_text(config)
    process = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        _wait_for(port)
        yield f"https://127.0.0.1:{port}/{context}"
    finally:
        process.terminate()
        process.wait()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1."""
    cert, key = self_signed(folder)
    return Path(cert), Path(key)


def big_zip(path: Path, size: int = ZIP_BYTES) -> None:
    """A zip of ``size`` bytes whose members are packed to three quarters, as text that says much is."""
    text = base64.b64encode(os.urandom(min(_MEMBER_BYTES, size // 2) * 3 // 4))
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush()
    with zipfile.ZipFile(path, "w") as archive:
        assert archive.fp is not None
        for number in range(max(1, size // len(packed))):
            member = zipfile.ZipInfo(f"report-{number}.{('csv', 'json')[number % 2]}")
            member.compress_type = zipfile.ZIP_DEFLATED
            member.CRC, member.compress_size, member.file_size = zlib.crc32(text), len(packed), len(text)
            member.header_offset = archive.fp.tell()
            archive.fp.write(member.FileHeader(zip64=False) + packed)
            archive.filelist.append(member)
            archive.start_dir = archive.fp.tell()
        archive._didModify = True  # the members are copies, packed once


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing listens on port {port}")
