"""The man pages, made of the same definitions as ``--help``: ``python -m man.generate FOLDER``.

What the man pages say beyond the definitions that they are made of.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

import click

from hcexport import __version__
from hcexport.cli import root
from hcexport.cli.command import Command, Option, group_options
from hcexport.errors import EXIT_STATUSES
from hcexport.store.paths import Paths
from hcexport.store.settings import ROWS, Row

_SPELLING = re.compile(r"(?:\\-){1,2}[A-Za-z](?:\w|\\-)*")  # of an option, its hyphens escaped

DATED = "2026-11-25"  # of the last change of the pages: the day of a build would make no two builds alike

UNBROKEN = (".nh", ".ad l")  # so that names of options, variables and pages can be copied

DESCRIPTION = """\
hcexport exports health check reports of ArcGIS Enterprise on Kubernetes: it submits an export, waits for the job,
downloads the zip that the job makes, verifies it and puts it under its final name in one step.

An organization is one deployment, named by its URL. A report is the result of one health check. An export is a job of
the server; its result is an upload item, the zip. A profile is a named organization plus how to sign in to it.

Standard output carries the result and nothing else; what is said to a person goes to standard error. With --format
json a result is one JSON document, and an error is one JSON object on standard error; "hcexport schema" prints the JSON
Schema of both. Fields are added, never renamed or removed. In a pipe, text is one tab-separated row a record, without
heading, colour or cut columns.

A value comes from the option, else from the environment, else from the profile in the config file, else from that
file's defaults, else it is built in. "hcexport status" and "hcexport config list" name the origin of each. A profile's
user, store, password_file and password_command count for the profile's own organization only: where the environment
names another, they are left out, and --profile typed together with the address of another is status 78.

--profile takes several names, comma lists and globs (-p prod,test, -p 'eu-*', -p '*') where a command's page lists
--parallel and --shard. The organization and the credentials of the environment are left out then, and nobody is asked
anything. Standard output is in the order of the config file, with the profile as first column or key; the JSON of
export is an array with an object a profile: profile, exit_status, and the result or the error. --out needs {profile} in
it or a folder, in which each profile gets its own. Standard error ends with one line that says how many did well, are
not healthy, or failed, and which. The exit status is 0 if all did well, that of all if all failed alike, 8 if any
failed, else 10 if any is not healthy.

export --new, run and delete hold a lock for each organization: held by another run, they end with 75 at once and name
its process, or wait as long as --lock-wait says.

Options that every command takes are accepted before the command's name too; after the name they win.

Durations are written 90, 90s, 10m, 1h30m or 1d. Points in time are 2026-11-01, 2026-11-01T03:00Z, 24h or 7d (ago),
today or yesterday. Lists are separated by commas; - reads them from standard input, one a line.
"""

SETTINGS = """\
The keys of the config file, for one profile or for all; "hcexport config set KEY VALUE" writes them. Below each: its
option, for the commands that have it, and its environment variables.
"""

FURTHER_VARIABLES = {
    "HCEXPORT_PROFILE": "Default for --profile.",
    "HCEXPORT_TOKEN": "A token, used as it is and never stored.",
    "HCEXPORT_PASSWORD, ARCGIS_ENTERPRISE_PASSWORD": "A password. The weakest way to give one:"
    " HCEXPORT_PASSWORD_FILE and HCEXPORT_PASSWORD_COMMAND come first.",
    "HCEXPORT_PING_FILE": "A file with the address for HCEXPORT_PING, mode 0600.",
    "HCEXPORT_HOME": "Folder that keeps configuration, credentials and state, instead of the folders under FILES.",
    "SSL_CERT_FILE, SSL_CERT_DIR": "Certificates to trust, as for other programs; HCEXPORT_CA_BUNDLE comes first.",
    "HTTPS_PROXY, NO_PROXY": "The proxy, and what is reached without it: names, addresses, networks.",
    "NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM": "Whether to use colors, in this order, after --color.",
    "COLUMNS, LINES": "Size of the terminal, for tables and the pager.",
    "PAGER, LESS": "Shows rows that do not fit on the terminal: less, with the options FRX; cat or nothing: no pager.",
    "HCEXPORT_SANDBOX": "Set to 1 for a command that hcexport sandbox runs, so that a prompt can show it.",
}

FOLDERS = ("~/.config/hcexport", "~/.local/share/hcexport", "~/.local/state/hcexport", "~/.cache/hcexport")  # on Linux

KEPT = {  # by the name that Paths has for it
    "config_file": "Settings and profiles; no secrets.",
    "credentials": "Tokens and passwords, only with --store file; mode 0600.",
    "sessions": "What is known of each token beside its secret: its end, its user.",
    "ledger": "The exports and checks that were submitted from this machine.",
    "history": "Reports that were read in full, and what the notify command was told.",
    "locks": "Locks between runs. May be removed while nothing runs.",
    "cache": "Ids that were seen last, for completion. May be removed at any time.",
}

FURTHER_FILES = {
    ".hcexport-*.part, .hcexport-*.note": "Beside the target, hidden: the bytes of a download that is not finished, and"
    " what they belong to. The next run goes on with them; what is older than seven days is removed.",
    "The FILE of --log-file": "A log of every run that names it, without secrets; mode 0600. Nothing shortens it.",
}


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    ctx = click.Context(root, info_name="hcexport", **root.context_settings)
    made = {"hcexport.1": _page("hcexport", _root_body(ctx), list(root.list_commands(ctx)))}
    for name in root.list_commands(ctx):
        command = root.get_command(ctx, name)
        assert isinstance(command, Command)  # noqa: S101 # every command of ours is one
        body = _command_body(command, click.Context(command, parent=ctx, info_name=name, **command.context_settings))
        made[f"hcexport-{name}.1"] = _page(f"hcexport-{name}", body, [])
    return made


def _page(name: str, body: Iterable[str], commands: Iterable[str]) -> str:
    head = f'.TH {name.upper()} 1 "{DATED}" "hcexport {__version__}" "hcexport"'
    others = [f"hcexport-{command}(1)" for command in commands] or ["hcexport(1)"]
    tail = [*_section("SEE ALSO"), *_lines(", ".join([*others, "hcexport-automation(7)", "hcexport-reports(7)"]))]
    return "\n".join([head, *UNBROKEN, *body, *tail]) + "\n"


def _root_body(ctx: click.Context) -> Iterator[str]:
    yield from _name_and_synopsis(ctx, root.help or "")
    yield from _section("DESCRIPTION")
    yield from _paragraphs(DESCRIPTION)
    yield from _section("COMMANDS")
    for name in root.list_commands(ctx):
        yield from _item(f"\\fBhcexport {name}\\fR", root.commands_at[name])
    yield from _section("OPTIONS")
    yield from _options(root.get_params(ctx), ctx)
    yield from _settings(ctx)
    yield from _section("ENVIRONMENT")
    yield from _lines("The variables under SETTINGS, and:")
    yield from _definitions(FURTHER_VARIABLES)
    yield from _section("FILES")
    yield from _lines(
        "Where HCEXPORT_HOME is set, all of these are in that folder. Else XDG_CONFIG_HOME, XDG_DATA_HOME,"
        " XDG_STATE_HOME and XDG_CACHE_HOME are used, and without them, on Linux:"
    )
    paths = Paths(*map(Path, FOLDERS))
    kept: dict[str, PurePath] = {name: getattr(paths, name) for name in KEPT}
    yield from _definitions({f"{path}{'' if path.suffix else '/'}": KEPT[name] for name, path in kept.items()})
    yield ".PP"
    yield from _lines("On macOS the folders are ~/Library/Application Support/hcexport and ~/Library/Caches/hcexport.")
    yield from _definitions(FURTHER_FILES)
    yield from _common(root.examples)


def _settings(ctx: click.Context) -> Iterator[str]:
    yield from _section("SETTINGS")
    yield from _paragraphs(SETTINGS)
    spelled = {
        each.row.name: ", ".join(each.opts) + f" {each.row.metavar}"
        for name in root.list_commands(ctx)
        for each in (root.get_command(ctx, name) or root).get_params(ctx)
        if isinstance(each, Option) and each.row
    }
    for row in ROWS:
        yield from _setting(row, spelled.get(row.name, ""))


def _setting(row: Row, option: str) -> Iterator[str]:
    """A key of the file with its default; its option, if there is one, and its variables; what it means."""
    default = f"default {_plain(row.default_text)}" if row.default_text else "no default"
    spellings = ", ".join(filter(None, [option, *row.environment]))
    yield from (".TP", f"\\fB{row.name}\\fR ({default})", _plain(spellings), ".br", *_lines(row.help))


def _command_body(command: Command, ctx: click.Context) -> Iterator[str]:
    line, _, rest = (command.help or "").partition("\n")
    yield from _name_and_synopsis(ctx, line)
    yield from _section("DESCRIPTION")
    yield from _paragraphs(f"{line}\n{rest}")
    yield from _section("OPTIONS")
    yield from _options(command.get_params(ctx), ctx)
    for name, words in command.lists.items():
        yield from _section(name.upper())
        yield from _definitions(words)
    yield from _section("ENVIRONMENT")
    yield from _definitions(dict(_variables(command.get_params(ctx))))
    yield ".PP"
    yield from _paragraphs("The variables that sign in, and all others, are described in hcexport(1).")
    yield from _section("FILES")
    yield from _lines("hcexport(1) lists what is kept on this machine, and where.")
    yield from _common(command.examples)


def _name_and_synopsis(ctx: click.Context, line: str) -> Iterator[str]:
    yield from _section("NAME")
    yield _plain(ctx.command_path.replace(" ", "-")) + " \\-"
    yield from _lines(line.rstrip("."))
    yield from _section("SYNOPSIS")
    yield f"\\fB{_plain(ctx.command_path)}\\fR {_plain(' '.join(ctx.command.collect_usage_pieces(ctx)))}"


def _common(examples: Iterable[str]) -> Iterator[str]:
    """What every page says in the same words, and its examples."""
    yield from _section("EXIT STATUS")
    for each in EXIT_STATUSES:
        code = f" ({each.code})" if each.code else ""
        yield from _item(f"\\fB{each.status}\\fR", f"{each.meaning[:1].upper()}{each.meaning[1:]}{code}.")
    yield from _section("EXAMPLES")
    for number, example in enumerate(examples):
        yield from (*([".PP"] if number else []), ".EX", _plain(f"$ {example}"), ".EE")


def _options(parameters: Sequence[click.Parameter], ctx: click.Context) -> Iterator[str]:
    for group, records in group_options(parameters, ctx).items():
        yield f'.SS "{_plain(group)}"'
        for spelling, text in records:
            yield from _item(_SPELLING.sub(r"\\fB\g<0>\\fR", _plain(spelling)), text)


def _variables(parameters: Sequence[click.Parameter]) -> Iterator[tuple[str, str]]:
    for parameter in parameters:
        if isinstance(parameter, Option) and parameter.row:
            yield parameter.row.environment[0], f"Default for {parameter.row.option}."


def _section(title: str) -> list[str]:
    return [f'.SH "{_plain(title)}"']


def _definitions(words: Mapping[str, str]) -> Iterator[str]:
    for word, text in words.items():
        yield from _item(f"\\fB{_plain(word)}\\fR", text)


def _item(head: str, text: str) -> Iterator[str]:
    yield from (".TP", head, *_lines(text))


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs between blank lines, filled."""
    for number, paragraph in enumerate(filter(str.strip, re.split(r"\n\s*\n", text))):
        yield from (*([".PP"] if number else []), *_lines(paragraph))


def _lines(text: str) -> list[str]:
    return [_plain(line) for line in textwrap.wrap(" ".join(text.split()), 72, break_on_hyphens=False)]


def _plain(text: str) -> str:
    """Text that means nothing to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def write(folder: Path) -> None:
    """Write every page into a folder."""
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="ascii")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
