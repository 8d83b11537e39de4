"""A certificate that nobody trusts yet, for trying out TLS."""

import shutil
import subprocess
from pathlib import Path

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
SUBJECT = "/CN=hcexport sandbox"
DAYS = "30"


class CertificateError(RuntimeError):
    """The certificate could not be made; the text says why."""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key in a folder with the ``openssl`` command; raises CertificateError."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise CertificateError("the openssl command is needed to make a certificate, and was not found on PATH")
    certificate, key = folder / "sandbox.crt", folder / "sandbox.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    words = ["-subj", SUBJECT, "-days", DAYS, "-addext", NAMES, "-out", str(certificate), "-keyout", str(key)]
    done = subprocess.run([openssl, "req", "-x509", *curve, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CertificateError(f"openssl made no certificate: {done.stderr.strip().splitlines()[-1]}")
    return certificate, key
