"""Certificates, good and bad, for the rows of the table that speak TLS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import trustme

_OURS, _ANOTHER = trustme.CA(), trustme.CA()


def write_ca(path: Path) -> str:
    """Write the certificate of the CA that is trusted, in PEM; returns where."""
    _OURS.cert_pem.write_to_path(str(path))
    return str(path)


@cache
def context(certificate: str) -> ssl.SSLContext:
    """A server's, by what is wrong with its certificate: nothing (``good``), ``expired``, ``name`` or ``stranger``."""
    ca = _ANOTHER if certificate == "stranger" else _OURS
    name = "gis.example.com" if certificate == "name" else "127.0.0.1"
    not_after = datetime(2020, 1, 1, tzinfo=UTC) if certificate == "expired" else None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name, not_after=not_after).configure_cert(made)
    return made
