"""A CronJob with its Secret and volumes. The Containerfile is in comments, so that kubectl takes the whole text."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from hcexport import __version__
from hcexport.errors import Busy, NetworkError, TimedOut, UsageError
from hcexport.schedule.request import Request

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")  # RFC 1123; a CronJob adds eleven characters of 63
_TIMEZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_IMAGE = f"registry.example.com/hcexport:{__version__}"
_USER = 10001
_HOME, _REPORTS, _SECRETS = "/state", "/reports", "/secret"
_MOST_S = 23 * 60 * 60  # a pod that cannot start, or hangs, must not keep the next night from starting
_LATEST_S = 12 * 60 * 60  # a start that was missed for longer is left to the next night

Manifest = dict[str, Any]


def write_manifests(request: Request) -> str:
    """The objects, one YAML document each."""
    _check(request)
    name, manifests = request.name, [_secret(request), *_claims(request), _cron_job(request)]
    documents = "\n---\n".join("\n".join(_yaml(manifest)) for manifest in manifests)
    return f"""\
# {name}.yaml
# Runs each day at {request.at} in {request.timezone}. To install it, save all of this as {name}.yaml, put the name of
# an image in a registry of yours in place of {_IMAGE}, and run:
#   sed -n '/^# Containerfile$/,$s/^#   //p' {name}.yaml > Containerfile
#   podman build -t {_IMAGE} . && podman push {_IMAGE}
#   kubectl apply -f {name}.yaml
#   kubectl create secret generic {name} {_secret_files(request)} \
--dry-run=client -o yaml | kubectl replace -f -
{_bare_profiles(request)}{documents}

# Containerfile
#   FROM docker.io/library/python:3.13-slim
#   RUN pip install --no-cache-dir hcexport=={__version__}
#   USER {_USER}:{_USER}
#   ENTRYPOINT ["hcexport"]
"""


def _check(request: Request) -> None:
    if not _NAME.fullmatch(request.name):
        raise UsageError(
            f"Kubernetes cannot name a CronJob {request.name!r}",
            hint="use at most 52 small letters, digits and '-', the last not at an end",
        )
    if not request.timezone or request.timezone == "Local" or not _TIMEZONE.fullmatch(request.timezone):
        raise UsageError("the time zone of this machine has no name", hint="set TZ, such as TZ=Europe/Berlin")
    if request.parts and any(word.split("=")[0] == "--shard" for word in request.command):
        raise UsageError("--parts gives each pod its shard", hint="leave --shard out of the command")


def _needs_config(request: Request) -> bool:
    """Whether the organization stands in the config file, because a profile is named or no address is set."""
    return bool(request.profiles or request.names_profiles or not request.url)


def _needs_password(request: Request) -> bool:
    return bool(request.password_file or not _needs_config(request))


def _secret_files(request: Request) -> str:
    files = []
    if _needs_password(request):
        files.append(f"--from-file=password={shlex.quote(request.password_file or 'FILE')}")
    if _needs_config(request):
        home = shlex.quote(request.home) if request.home else '"${XDG_CONFIG_HOME:-$HOME/.config}"/hcexport'
        files.append(f"--from-file=config.toml={home}/config.toml")
    files += [f"--from-file={key}={shlex.quote(path)}" for key, path in _file_keys(request).items()]
    given = [path.removeprefix(f"{_SECRETS}/") for path in request.files if path.startswith(f"{_SECRETS}/")]
    files += [f"--from-file={shlex.quote(key)}=FILE" for key in given if key != "password"]
    return " ".join(files)


def _file_keys(request: Request) -> dict[str, str]:
    """The files that the profiles name, each by its key in the Secret; in the pod they stand where they stand here."""
    files = [path for path in request.files if ":" not in path and not path.startswith(f"{_SECRETS}/")]
    return {f"file-{number}": path for number, path in enumerate(files)} if _needs_config(request) else {}


def _bare_profiles(request: Request) -> str:
    """A comment on the profiles for which nothing is handed over; the password of the environment is for one alone."""
    names = request.bare_profiles
    if not names or not _needs_config(request) or (request.password_file and len(names) == 1):
        return ""
    commands = "".join(f"#   hcexport config set -p {shlex.quote(name)} password_file FILE\n" for name in names)
    return f"""\
# No password is handed over for {", ".join(names)}: what a login kept stays on this machine.
# Name a file with the password of each, and print all of this again:
{commands}"""


def _secret(request: Request) -> Manifest:
    """Without its data: a password is not printed."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": request.name}, "type": "Opaque"}


def _claims(request: Request) -> list[Manifest]:
    mode = "ReadWriteMany" if request.parts else "ReadWriteOnce"  # the pods of several parts run side by side
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"{request.name}-{volume}"},
            "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
        }
        for volume, size in (("home", "1Gi"), ("reports", "5Gi"))
    ]


def _cron_job(request: Request) -> Manifest:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": request.name},
        "spec": {
            "schedule": request.cron_time,
            "timeZone": request.timezone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATEST_S,
            "jobTemplate": {"spec": _job(request)},
        },
    }


def _job(request: Request) -> Manifest:
    """Tried again is what may succeed later and surely does not do a thing twice: of ``run`` only what was not started.

    Of several parts a failure ends its own, because the others are of other organizations.
    """
    again = {Busy.status} if request.subcommand == "run" else {Busy.status, NetworkError.status, TimedOut.status}
    action = "FailIndex" if request.parts else "FailJob"
    rule = {
        "action": action,
        "onExitCodes": {"containerName": "hcexport", "operator": "NotIn", "values": sorted(again)},
    }
    indexed = {"completionMode": "Indexed", "completions": request.parts, "parallelism": request.parts}
    return {
        **(indexed if request.parts else {}),
        "backoffLimitPerIndex" if request.parts else "backoffLimit": 2,
        "activeDeadlineSeconds": _MOST_S,
        "podFailurePolicy": {"rules": [rule]},
        "template": {"spec": _pod(request)},
    }


def _pod(request: Request) -> Manifest:
    volumes: list[Manifest] = [
        {"name": "home", "persistentVolumeClaim": {"claimName": f"{request.name}-home"}},
        {"name": "reports", "persistentVolumeClaim": {"claimName": f"{request.name}-reports"}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "secret", "secret": {"secretName": request.name, "defaultMode": 0o440}},
    ]
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(request)],
        "volumes": volumes,
    }


def _container(request: Request) -> Manifest:
    part = f"$(JOB_COMPLETION_INDEX)/{request.parts}"
    arguments = request.arguments(*(["--shard", part] if request.parts else []))
    environment = {name: _literal(value) for name, value in request.environment.items()} | {"HCEXPORT_HOME": _HOME}
    if _needs_password(request):
        environment["HCEXPORT_PASSWORD_FILE"] = f"{_SECRETS}/password"
    mounts: list[Manifest] = [
        {"name": "home", "mountPath": _HOME},
        {"name": "reports", "mountPath": _REPORTS},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 # the container's own
        {"name": "secret", "mountPath": _SECRETS, "readOnly": True},
    ]
    if _needs_config(request):
        config = {"name": "secret", "mountPath": f"{_HOME}/config.toml", "subPath": "config.toml", "readOnly": True}
        mounts.append(config)
    for key, path in _file_keys(request).items():
        mounts.append({"name": "secret", "mountPath": path, "subPath": key, "readOnly": True})
    return {
        "name": "hcexport",
        "image": _IMAGE,
        "command": ["hcexport"],
        "args": [word if word == part else _literal(word) for word in arguments],
        "workingDir": _REPORTS,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _literal(text: str) -> str:
    """A text in which Kubernetes fills in nothing."""
    return text.replace("$", "$$")


def _yaml(value: Any, indent: str = "") -> list[str]:
    """Lines of YAML. Its text is quoted as in JSON, so that no value is taken for anything but text."""
    lines = []
    for key, child in value.items() if isinstance(value, dict) else (("-", each) for each in value):
        head = f"{indent}{key}" if key == "-" else f"{indent}{key}:"
        if not isinstance(child, dict | list) or not child:
            lines.append(f"{head} {json.dumps(child, ensure_ascii=False)}")
        elif key == "-":
            first, *rest = _yaml(child, f"{indent}  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            lines += [head, *_yaml(child, f"{indent}  ")]
    return lines
