"""The process that talks to the keyring. Run as a file; imports nothing of hcexport, to start fast.

A call into a keyring can hang for ever (a locked desktop, a service that does not answer), also inside C code, and a
backend may print. Therefore it runs in a child process, which can be killed whatever it does, and secrets pass through
its stdin and stdout alone. A child takes 300 ms of processor time, a thread took 260 (import of keyring included).

Request and answer are one JSON object each: ``{"do": "get"|"set"|"delete"|"probe", "service", "username", "secret",
"attended"}`` and ``{"secret", "found", "backend"}`` or ``{"problem", "detail"}``.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import closing
from typing import Any

from keyring import core
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

_SECRET_SERVICE = "keyring.backends.SecretService"  # noqa: S105 # a module
_TRUSTED = {
    _SECRET_SERVICE,
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
}


class Problem(Exception):
    """A failure that the parent has a message for: ``none``, ``locked`` or ``not-kept``."""


def is_trusted(backend: KeyringBackend) -> bool:
    """Tell whether a backend that keyring found by itself may hold a secret of ours."""
    return type(backend).__module__ in _TRUSTED


def find_backend() -> KeyringBackend:
    """Return the backend that the user named, or the best trusted backend.

    keyring passes the limit on to its chainer, so that a chain has trusted backends only.
    """
    core.init_backend(limit=is_trusted)
    backend = core.get_keyring()
    if isinstance(backend, fail.Keyring | null.Keyring):
        raise Problem("none")
    return backend


def refuse_prompt(backend: KeyringBackend) -> None:
    """Raise Problem where the Secret Service would open a dialog, because nobody is there to answer it."""
    if type(backend).__module__ != _SECRET_SERVICE:
        return
    import secretstorage  # noqa: PLC0415 # only where the Secret Service is: a dependency of keyring on Linux

    with closing(secretstorage.dbus_init()) as bus:
        try:
            locked = secretstorage.Collection(bus).is_locked()
        except secretstorage.ItemNotFoundException:
            locked = True  # there is no collection yet, and making a collection asks for its password
    if locked:
        raise Problem("locked")


def keep(backend: KeyringBackend, service: str, username: str, secret: str) -> None:
    """Write a secret and read it back, because there are backends that take a secret and keep nothing."""
    backend.set_password(service, username, secret)
    if backend.get_password(service, username) != secret:
        raise Problem("not-kept")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    backend, do = find_backend(), request["do"]
    if not request["attended"]:
        refuse_prompt(backend)
    service, username = request["service"], request["username"]
    if do == "probe":
        keep(backend, service, username, secrets.token_hex(8))
    elif do == "set":
        keep(backend, service, username, request["secret"])
    found = backend.get_password(service, username) if do in {"get", "delete"} else None
    if do == "probe" or (do == "delete" and found is not None):
        backend.delete_password(service, username)
    return {"secret": found if do == "get" else None, "found": found is not None, "backend": backend.name}


def main() -> None:
    """Answer one request; stdout is moved away, because a backend may print to it."""
    to_parent = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    try:
        result = answer(json.load(sys.stdin))
    except Problem as problem:
        result = {"problem": str(problem), "detail": ""}
    except Exception as error:  # noqa: BLE001 # backends raise anything, keyring's own errors and others
        locked = type(error).__name__ == "KeyringLocked"
        result = {"problem": "locked" if locked else "failed", "detail": f"{type(error).__name__}: {error}"}
    json.dump(result, to_parent)
    to_parent.flush()
    os._exit(0)  # a backend's threads and exit hooks may hang too


if __name__ == "__main__":
    main()
