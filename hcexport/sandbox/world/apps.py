"""The applications that are registered with the organization, and where each may have its users sent back to."""

import re
from dataclasses import dataclass

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
LOOPBACK = r"http://127\.0\.0\.1(:\d{1,5})?(/[!-~]*)?"  # any port, as RFC 8252 has it for native applications


@dataclass(frozen=True)
class App:
    """A registered application; ``redirects`` are patterns."""

    client_id: str
    redirects: tuple[str, ...] = (re.escape(OUT_OF_BAND),)
    has_secret: bool = False

    def may_redirect(self, uri: str) -> bool:
        """Tell whether users may be sent there."""
        return any(re.fullmatch(pattern, uri) for pattern in self.redirects)


APPS = {
    app.client_id: app
    for app in (
        App("arcgisonline"),  # these two are built in
        App("pythonapi"),
        App("hcexport-demo", (LOOPBACK, re.escape(OUT_OF_BAND)), has_secret=True),
    )
}
