"""The web server that a browser is sent back to."""

from __future__ import annotations

import select
import socket
from urllib.parse import urlsplit

from hcexport.auth.loopback import listening


def test_the_browser_has_its_page_when_the_wait_ends() -> None:
    for _ in range(50):
        with (
            listening() as place,
            socket.create_connection(("127.0.0.1", urlsplit(place.redirect_uri).port)) as browser,
        ):
            place.expect(lambda query: "error" in query)
            browser.sendall(b"GET /?error=access_denied HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert place.wait(10) == {"error": "access_denied"}
            assert select.select([browser], [], [], 0)[0]
