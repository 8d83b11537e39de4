"""Every hint of hcexport: what provokes it, and what its reader types then.

``test_hints.py`` runs ``PASTED`` and ``TYPED``. A hint is written as in the code, with ``<>`` for what it fills in.
What takes more than a shell and a sandbox to provoke is in ``NOT_PROVOKED``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

JOB = "j0861f797-e646-4a9b-af92-f5e86b2cd824"
NEVER = frozenset({1, 2})  # a bug, or a hint that is itself a mistake


@dataclass(frozen=True)
class Row:
    """A hint, the command that ends with it and its exit status, and what is typed then.

    ``then`` are words of a shell; without them the command in the hint is pasted, and must end with ``end``. ``fills``
    are the capitals in it that only the reader knows. ``state`` is what is there before: ``token`` (an address and a
    token in the environment), ``profile`` (profiles prod and test, and a password file) or ``nothing``; ``setup`` is
    run before the command. ``sandbox`` are options of the organization.
    """

    hint: str
    command: str
    status: int
    then: str = ""
    end: int = 0
    state: str = "token"
    setup: str = ""
    fills: dict[str, str] = field(default_factory=dict)
    sandbox: dict[str, object] = field(default_factory=dict)


SIGNS_IN = {"hcexport login": "hcexport login -u $ADMIN --password-file pw --store file"}
LATEST = "$(hcexport list --latest 1 -F ids)"
CONFIG = '"$HCEXPORT_HOME/config.toml"'
SLOW: dict[str, object] = {"job_seconds": 4.0}
OLD = "$(hcexport list --latest 9 -F ids | tail -1)"  # the newest always stays
IN_BACKGROUND = "{} & for i in $(seq 80); do {} && break; sleep 0.1; done; kill -TERM %1; wait %1"
UNTIL_NOTED = "hcexport jobs --offline | grep -q ."  # the intent is in the ledger

PASTED = [
    # Signing in
    Row("hcexport login", "list", 4, state="nothing", setup="export HCEXPORT_URL=$URL", fills=SIGNS_IN),
    Row("sign in to one: hcexport login URL", "list", 78, state="nothing", fills={**SIGNS_IN, "URL": "$URL"}),
    Row("hcexport login URL", "status", 4, state="nothing", fills={**SIGNS_IN, "URL": "$URL"}),
    Row("hcexport login URL", "list -p '*'", 2, state="nothing", fills={**SIGNS_IN, "URL": "$URL"}),
    Row(
        "put a new token into HCEXPORT_TOKEN, or unset it and sign in: <>; <>",
        "list --ca-bundle $CA -p prod",
        4,
        state="profile",
        setup="export HCEXPORT_TOKEN=a-token-of-yesterday",
        fills=SIGNS_IN,
    ),
    Row(
        "check user name and password; if the account uses SAML, OpenID Connect or MFA: hcexport login --web",
        "list",
        4,
        state="profile",
        setup="echo wrong > pw",
        then="echo $PASSWORD > pw; hcexport login -p prod",
    ),
    Row(
        "correct it, or sign in: hcexport login",
        "list",
        4,
        state="profile",
        setup="echo wrong > pw; hcexport list; true",
        fills={"hcexport login": "echo $PASSWORD > right; chmod 600 right; hcexport login --password-file right"},
    ),
    Row(
        "sign in again: hcexport login",
        "list",
        78,
        state="profile",
        setup=(
            "hcexport login -p prod -q; for f in $HCEXPORT_HOME/credentials/*.token; do printf '\\377' > $f; done;"
            " hcexport config unset -p prod password_file"
        ),
        fills=SIGNS_IN,
    ),
    Row("<>make it: hcexport login -p <> URL", "list -p dr", 78, state="profile", fills={**SIGNS_IN, "URL": "$URL"}),
    Row(
        "choose another with -p NAME, or replace it: <>",
        "login https://other.example.com/x -p prod -u $ADMIN --password-file pw --store file",
        2,
        state="profile",
        end=6,
    ),
    Row(
        "remove it, and use: hcexport login",
        "list -p prod",
        78,
        state="profile",
        setup=f"echo 'token = \"x\"' >> {CONFIG}",
        then=f"sed -i '$d' {CONFIG}; hcexport login -p prod",
    ),
    # Reports
    Row("list all reports: hcexport list --all", "list --name no-such-name", 5),
    Row("list all reports: hcexport list --all", "export --run-ids nosuch --dry-run -p prod", 5, state="profile"),
    Row(
        "list all reports: hcexport list --all",
        "list --result passed --latest 1 --fail-on failed --until 2001-01-01",
        5,
    ),
    Row(
        "start a health check: hcexport run",
        "list",
        5,
        setup="hcexport delete --all --yes --unsaved --failed-too -q; true",
        sandbox={"report_days": 0},
    ),
    Row("run a check: hcexport run", "diff", 5, sandbox={"report_days": 0}),
    Row(
        "hcexport diff OLD NEW",
        "diff a,b,c",
        2,
        fills={"OLD NEW": "$(hcexport list --latest 2 -F ids | tr '\\n' ' ')"},
    ),
    Row("hcexport history", "history no-such-test --latest 1", 5),
    Row("hcexport list --all", "delete nosuch --yes", 5),
    # Exports and jobs
    Row("list the jobs: hcexport jobs", "wait", 5),
    Row("list the jobs: hcexport jobs", "download", 5),
    Row("list the jobs: hcexport jobs --server", "wait nosuch", 5),
    Row("list the jobs: hcexport jobs --server", "download nosuch -p prod", 5, state="profile"),
    Row("wait for it: <>", "download $(hcexport export --latest 1) --out late.zip --extract in", 75, sandbox=SLOW),
    Row("go on with <>", "export --latest 1 --timeout 2s --out late.zip", 124, sandbox=SLOW),
    Row(
        "go on with <>",
        "export --latest 1 --wait --timeout 2s -p prod --poll-interval 1s",
        124,
        state="profile",
        sandbox=SLOW,
    ),
    Row(
        "choose another name, or --if-exists overwrite, skip or rename",
        "export --latest 1 --out taken.zip",
        73,
        setup="touch taken.zip",
        then="hcexport export --latest 1 --out taken.zip --if-exists rename",
    ),
    Row("mkdir -p <>", 'export --latest 1 --out "no such/fol\'der/a.zip"', 73),
    Row(
        "the server's copy is damaged; export again",
        "export --latest 1 --out a.zip",
        7,
        end=7,
        sandbox={"scenario": "corrupt-zip"},
    ),
    Row(
        "check the server's logs, then export again",
        "export --latest 1 --out a.zip",
        3,
        end=3,
        sandbox={"scenario": "failed"},
    ),
    # Addresses
    Row("<><>", "list", 6, sandbox={"scenario": "wrong-context"}),
    Row("<><>", "list -p prod", 6, state="profile", sandbox={"scenario": "wrong-context"}),
    # Configuration
    Row("hcexport config set <> VALUE", "config get out -p prod", 5, state="profile", fills={"VALUE": "a.zip"}),
    Row("hcexport config remove <>", "config rename prod test", 2, state="profile"),
    Row(
        "-p NAME (<>), or hcexport config use NAME",
        "list",
        78,
        state="profile",
        setup=f"sed -i 1d {CONFIG}",
        then="hcexport config use prod && hcexport list",
    ),
    # Files
    Row(
        "chmod 600 <>, and change what it holds",
        "list",
        78,
        state="profile",
        setup=(
            "hcexport login -p prod -q; hcexport config unset -p prod password_file;"
            " chmod 644 $HCEXPORT_HOME/credentials/*.token"
        ),
    ),
    Row("chmod 600 <>", "list", 78, state="profile", setup="chmod 644 pw"),
    Row("chmod o-w <>, and check what it holds", "list", 78, state="profile", setup="chmod 777 $HCEXPORT_HOME"),
    Row(
        "unlock or start the keyring, or store secrets in a file only you can read: hcexport login --store file",
        'login $URL -u $ADMIN --password-file "$PWD/pw"',
        78,
        setup="export PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring",
    ),
    Row("check the server's logs, then run another", "run", 3, sandbox={"scenario": "failed"}, then="hcexport jobs"),
    Row("<>; then <>", f"wait {JOB} --out a.zip --url ${{URL%/gis}}/x", 6, end=6, sandbox={"context": "gis"}),
    # An answer that was lost, or a signal (hint_scenarios.py)
    Row(
        "look for it with: <>; if it is not there: <>",
        "export --latest 1 --out a.zip -p prod --poll-interval 1s",
        9,
        state="profile",
        sandbox={"scenario": "export-vanishes"},
    ),
    Row(
        "look for it with: <>; if it is not there: <>",
        "export --latest 1 --out a.zip --url $URL",
        9,
        setup="export URL=$HCEXPORT_URL",
        sandbox={"scenario": "export-unlisted"},
        then="hcexport jobs --server && hcexport wait $(hcexport jobs --server -F ids | tail -1) --out a.zip",
    ),
    Row(
        "look for it with: <>; if it is not there: <>",
        "run --name again --timeout 1m",
        9,
        sandbox={"scenario": "run-vanishes"},
        then="hcexport run --resume again || hcexport run --name again --timeout 1m",
    ),
    Row(
        "try again later, or start another check: hcexport run",
        "run --resume again",
        9,
        setup="hcexport run --name again; true",
        sandbox={"scenario": "run-vanishes"},
    ),
    Row(
        "check it: <>; if it holds other reports: hcexport jobs --server",
        "export --latest 1 --out a.zip",
        9,
        sandbox={"scenario": "export-of-another"},
    ),
    Row(
        "if the server has the item: <>; to look at the job again: <>",
        "export --latest 1 --out a.zip",
        6,
        sandbox={"scenario": "export-late"},
        fills={"hcexport download ITEM": "sleep 4; true"},
    ),
    Row(
        "look again: <>",
        f"delete {OLD} --yes --unsaved --failed-too",
        9,
        sandbox={"scenario": "deletion-vanishes"},
    ),
    Row(
        "find out: <>",
        f"delete {OLD} --yes --unsaved --failed-too -p prod --timeout 3s",
        9,
        state="profile",
        sandbox={"scenario": "deletion-unreadable"},
    ),
    Row(
        "some reports may be deleted: hcexport list --all",
        IN_BACKGROUND.format(f"delete {OLD} --yes --unsaved --failed-too", "sleep 2"),
        143,
        sandbox={"scenario": "deletion-stalls"},
    ),
    Row(
        "the <> may have been sent; look for it with hcexport jobs --server",
        IN_BACKGROUND.format("export --latest 1 --out a.zip --url $HCEXPORT_URL", UNTIL_NOTED),
        143,
        sandbox={"scenario": "export-stalls"},
    ),
    Row(
        "it may have been started; look for it with <>",
        IN_BACKGROUND.format("run --name again --fail-on failed --out a.zip", UNTIL_NOTED),
        143,
        sandbox={"scenario": "run-stalls"},
    ),
    Row(
        "go on with <>",
        IN_BACKGROUND.format(
            "run --name again --fail-on critical --out a.zip --report a.html",
            "hcexport jobs --offline | grep export | grep -q COMPLETED",
        ),
        143,
        sandbox={"scenario": "download-stalls"},
        fills={"--report a.html": "--report a.html && test -s a.html"},
    ),
    Row(
        "exports continue on the servers: hcexport jobs -p <>",
        IN_BACKGROUND.format("export --latest 1 -p prod,prod", UNTIL_NOTED),
        143,
        state="profile",
        sandbox={"scenario": "export-stalls"},
    ),
    Row(
        "list the reports: hcexport list --all; and name them: hcexport export RUN_ID",
        "export --latest 1 --out a.zip",
        6,
        sandbox={"scenario": "odd-dates"},
        fills={"RUN_ID": "$(hcexport list --all -F ids | head -1) --out a.zip"},
    ),
    Row(
        "list the reports that have ended: hcexport list",
        "diff $(hcexport list --limit 2 -F ids)",
        5,
        setup="hcexport run --no-wait",
        sandbox={"job_seconds": 20.0},
    ),
    # Usage
    Row("<> --help", "list --no-such-option", 2),
    Row("<> --format json", "list --json", 2),
]

TYPED = [
    Row(
        "the address is that of the portal's home page, such as https://gis.example.com/enterprise",
        "list --url ${URL%/gis}/x",
        6,
        sandbox={"context": "gis"},
        then="hcexport list --url $URL",
    ),
    Row(
        "trust it with --ca-bundle FILE (the certificate in PEM)",
        "sandbox --tls -- env -u HCEXPORT_CA_BUNDLE -u SSL_CERT_FILE hcexport list",
        6,
        then="hcexport sandbox --tls -- sh -c 'hcexport list --ca-bundle \"$HCEXPORT_CA_BUNDLE\"'",
    ),
    Row(
        "--port 0",
        "sandbox --port $(echo $URL | tr -dc '0-9/' | cut -d/ -f3 | cut -c 7-) -- true",
        73,
        then="hcexport sandbox --port 0 -- true",
    ),
    Row(
        "try again when it has ended, or wait for it: --lock-wait 30m",
        "export --new",
        75,
        sandbox=SLOW,
        setup="hcexport run & sleep 1.5",
        then="hcexport export --latest 1 --new --lock-wait 30m",
    ),
    Row("give it as https://HOST/UUID", "doctor", 0, setup="export HCEXPORT_PING=x", then="true"),
    Row("leave the user out", "doctor", 0, setup="export HCEXPORT_PING=https://me@hc.example.com/x", then="true"),
    Row(
        "http is for this machine only",
        "doctor",
        0,
        setup="export HCEXPORT_PING=http://hc.example.com/x",
        then="HCEXPORT_PING=https://hc.example.com/x hcexport doctor",
    ),
    Row(
        "set HCEXPORT_USERNAME",
        "doctor",
        4,
        state="nothing",
        setup="export HCEXPORT_URL=$URL HCEXPORT_PASSWORD_FILE=pw",
        then="HCEXPORT_USERNAME=$ADMIN hcexport doctor",
    ),
    Row(
        "the account is locked for a while: try again later",
        "list",
        4,
        state="profile",
        setup="for i in 1 2 3 4 5; do echo wrong$i > pw; hcexport list; done; echo wrong6 > pw",
        then="true",
    ),
    Row("write it as <>", "list --since soon", 2, then="hcexport list --since 7d"),
    Row(
        "put options into the profile: hcexport config set",
        "schedule cron -- hcexport export --new --name $(printf 'x%.0s' $(seq 1200))",
        2,
        then="hcexport schedule cron -- hcexport export --new",
    ),
    Row(
        "cd to another folder",
        "schedule cron -- hcexport export --new",
        78,
        setup="mkdir gone; cd gone; rmdir ../gone",
        then="hcexport schedule cron -- hcexport export --new",
    ),
    Row(
        "set HCEXPORT_USERNAME to the user who signs in",
        "list",
        4,
        state="nothing",
        setup="export HCEXPORT_URL=$URL HCEXPORT_PASSWORD_FILE=pw",
        then="HCEXPORT_USERNAME=$ADMIN hcexport list",
    ),
    Row("did you mean <>?", "list -p prdo", 78, state="profile", then="hcexport list -p prod"),
    Row("did you mean <>?", "config get time-out", 2, then="hcexport config get timeout"),
    Row(
        "did you mean https://<> ?",
        "list --url gis.example.com/x",
        2,
        then="hcexport list --url https://gis.example.com/x",
        end=6,
    ),
    Row(
        "use https://<><>",
        "list --url http://gis.example.com/x",
        2,
        then="hcexport list --url https://gis.example.com/x",
        end=6,
    ),
    Row(
        "leave the user out; login asks for it",
        "list --url https://me@gis.example.com/x",
        2,
        then="hcexport list --url https://gis.example.com/x",
        end=6,
    ),
    Row("give one or the other", "export --run-ids a --latest 1", 2, then="hcexport export --latest 1"),
    Row("give one or the other", "delete a --all", 2, then="hcexport delete a --yes", end=5),
    Row("give one or the other", "show a --latest 1", 2, then="hcexport show --latest 1"),
    Row("give one or the other", "diff --against passed a", 2, then="hcexport diff --against passed"),
    Row("give one or the other", "status --all -p x", 2, then="hcexport status"),
    Row("give one or the other", "list -p '*' --url $URL", 2, state="profile", then="hcexport list --url $URL"),
    Row(
        "--latest 1, --run-ids a,b,c, --new, another selector, or --all", "export", 2, then="hcexport export --latest 1"
    ),
    Row(
        "name them, or --until 400d, another selector, or --all",
        "delete",
        2,
        then="hcexport delete --until 400d --yes",
        end=5,
    ),
    Row(
        "--max <>",
        "delete --all --yes --unsaved --failed-too --max 1",
        2,
        then="hcexport delete --all --yes --unsaved --failed-too --max $(hcexport list -F ids | wc -l)",
    ),
    Row(
        "add --yes to delete them",
        "delete --all --unsaved --failed-too --max 1000",
        2,
        then="hcexport delete --all --unsaved --failed-too --max 1000 --yes",
    ),
    Row(
        "give one of them",
        "login $URL --password-stdin --token-stdin",
        2,
        then="hcexport login $URL --password-stdin -u $ADMIN --store file < pw",
    ),
    Row(
        "give --username USER",
        "login $URL --store file --password-file pw",
        2,
        then="hcexport login $URL --store file --password-file pw --username $ADMIN",
    ),
    Row(
        "give --password-file FILE or --password-stdin",
        "login $URL --store file -u $ADMIN",
        2,
        then="hcexport login $URL --store file -u $ADMIN --password-file pw",
    ),
    Row(
        "choose another with -p NAME",
        "login https://other.example.com/x -p prod -u x --password-file pw --store file",
        2,
        state="profile",
        then="hcexport login $URL -p prod2 -u $ADMIN --password-file pw --store file",
    ),
    Row(
        "run it in a terminal, or name an app that may send the browser back here: --client-id ID",
        "login $URL --web --store file",
        2,
        then="true",
    ),
    Row("add them to --resume", "run --no-wait --out a.zip", 2, then="hcexport run --no-wait && hcexport jobs"),
    Row(
        "leave it out for a name that no other report has", "run --name ' ' --no-wait", 2, then="hcexport run --no-wait"
    ),
    Row("suites: <>", "run nosuch", 5, then="hcexport run --no-wait"),
    Row(
        "find the id: hcexport list; then: hcexport show ID",
        "run --resume twice",
        2,
        setup="for i in 1 2; do hcexport run --name twice --no-wait; sleep 1; done; rm -r $HCEXPORT_HOME",
        then="hcexport list --all",
    ),
    Row(
        "wait for the others separately",
        "wait a b --out x.zip",
        2,
        then="hcexport wait $(hcexport export --latest 1) --out x.zip",
    ),
    Row(
        "name a file: --out reports.zip",
        "export --latest 1 --extract in",
        2,
        then="hcexport export --latest 1 --extract in --out reports.zip",
    ),
    Row("leave out --offline to ask the server", f"show --offline {LATEST}", 5, then=f"hcexport show {LATEST}"),
    Row("is there a comma too many?", "wait a,,b", 2, then="hcexport wait a,b", end=5),
    Row(
        "the command before the pipe found nothing",
        "export - < /dev/null",
        5,
        then="hcexport list --latest 1 -F ids | hcexport export -",
    ),
    Row(
        "write it as 90, 90s, 10m, 1h30m or 1d", "config set timeout soon", 2, then="hcexport config set timeout 1h30m"
    ),
    Row(
        "write it as TEST:DATE, for example HC_112_008:2026-12-31",
        "list --fail-on failed --ignore HC_1",
        2,
        then="hcexport list --fail-on failed --ignore '*:2099-12-31'",
    ),
    Row(
        "write {{ or }} for a brace",
        "export --latest 1 --out 'a{.zip'",
        2,
        then="hcexport export --latest 1 --out 'a{{.zip'",
    ),
    Row(
        "use <>; write {{ for a brace",
        "export --latest 1 --out 'a{what}.zip'",
        2,
        then="hcexport export --latest 1 --out 'a{date}.zip'",
    ),
    Row("choose another one", "export --latest 1 --out pw/a.zip", 73, then="hcexport export --latest 1 --out a.zip"),
    Row(
        "name another file",
        "export --latest 1 --out /dev/null",
        73,
        then="hcexport export --latest 1 --out - > a.zip",
    ),
    Row(
        "a folder has this name: choose another one",
        "show --report json=in",
        73,
        setup="mkdir in",
        then="hcexport show --report in.json",
    ),
    Row(
        "choose a shorter name",
        f"export --latest 1 --out {'x' * 300}.zip",
        73,
        then="hcexport export --latest 1 --out x.zip",
    ),
    Row("FILE.html, or FORMAT=FILE with <>", "show --report x.doc", 2, then="hcexport show --report html=x.doc"),
    Row("use <>", "diff --report x.xml", 2, then="hcexport diff --report x.html"),
    Row(
        "give each report a file of its own",
        "show --report a.md --report a.md",
        2,
        then="hcexport show --report a.md --report b.md",
    ),
    Row(
        "write files: --report '{profile}.…'",
        "show -p '*' --format junit",
        2,
        state="profile",
        then="hcexport show -p prod,prod2 --report '{profile}.md'",
        setup="hcexport login $URL -p prod2 -u $ADMIN --password-file pw --store file -q",
    ),
    Row("name them: -p '*'", "list --shard 0/2", 2, state="profile", then="hcexport list -p prod,prod --shard 0/1"),
    Row(
        "<> '{profile}<>'",
        "show -p prod,prod2 --report all.html",
        2,
        state="profile",
        then="hcexport show -p prod,prod2 --report '{profile}.html'",
        setup="hcexport login $URL -p prod2 -u $ADMIN --password-file pw --store file -q",
    ),
    Row(
        "<> '{profile}<>'",
        "export --latest 1 --out '{profile}.zip' --extract in -p prod,prod2",
        2,
        state="profile",
        then="hcexport export --latest 1 --out '{profile}.zip' --extract '{profile}' -p prod,prod2",
        setup="hcexport login $URL -p prod2 -u $ADMIN --password-file pw --store file -q",
    ),
    Row(
        "name a folder of its own",
        "export --latest 1 --out both/ --extract both",
        2,
        then="hcexport export --latest 1 --out both/ --extract in",
    ),
    Row(
        "cd to another, and type it again",
        "export --latest 1 --out a.zip",
        73,
        then='cd "$HOME" && hcexport export --latest 1 --out a.zip',
        setup="mkdir gone && cd gone && rmdir ../gone",
    ),
    Row(
        "put {profile} in its name, or name a folder: --out reports/",
        "export --latest 1 --out a.zip -p prod,test",
        2,
        state="profile",
        setup="hcexport login $URL -p test --replace -u $ADMIN --password-file pw --store file -q",
        then="hcexport export --latest 1 --out '{profile}.zip' -p prod,test",
    ),
    Row("the profiles are: <>", "list -p prod,nope", 2, state="profile", then="hcexport list -p prod"),
    Row("leave out --profile, or <>", "list -p test --url $URL", 78, state="profile", then="hcexport list --url $URL"),
    Row(
        "use letters, digits, and . _ - between them",
        "config rename prod 'a b'",
        2,
        state="profile",
        then="hcexport config rename prod a-b",
    ),
    Row(
        "use the text that the token was made for, without spaces",
        "config set token_referer 'a b'",
        2,
        then="hcexport config set token_referer https://a.example.com",
    ),
    Row(
        "[profile.NAME] should be [profiles.NAME]",
        "list",
        78,
        state="profile",
        setup=f"sed -i 's/profiles.test/profile.test/' {CONFIG}",
        then=f"sed -i 's/profile.test/profiles.test/' {CONFIG}; hcexport list",
    ),
    Row(
        "correct it, or move it away",
        "list",
        78,
        state="profile",
        setup=f"echo = >> {CONFIG}",
        then=f"sed -i '$d' {CONFIG}; hcexport list",
    ),
    Row(
        "upgrade hcexport",
        "config set timeout 1h",
        78,
        state="profile",
        setup=f"sed -i 's/version = 1/version = 9/' {CONFIG}",
        then="true",
    ),
    Row("move it away", "config set timeout 1h", 78, setup=f"mkdir -p {CONFIG}", then=f"rmdir {CONFIG}; hcexport list"),
    Row(
        "give a full path",
        "list",
        78,
        setup="export HCEXPORT_HOME=~nobody-of-this-name/x",
        then="HCEXPORT_HOME=$PWD/h hcexport list",
    ),
    Row(
        "HCEXPORT_HOME names the folder that keeps configuration, credentials and state",
        "config set timeout 1h",
        78,
        setup="export HCEXPORT_HOME=$PWD/pw/h",
        then="HCEXPORT_HOME=$PWD/h hcexport config set timeout 1h",
    ),
    Row("add --client-cert FILE", "list --client-key pw --url https://127.0.0.1:9/x", 78, then="true"),
    Row(
        "paste only the token",
        "login $URL --token-stdin --store file < two",
        2,
        setup="printf 'a b' > two",
        then="printf %s $HCEXPORT_TOKEN | hcexport login $URL --token-stdin --store file",
    ),
    Row(
        "run it by hand to see why",
        "list",
        78,
        state="profile",
        setup="hcexport config unset -p prod password_file; hcexport config set -p prod password_command false",
        then="true",
    ),
    Row("wait until its upgrade or update has ended", "doctor", 6, sandbox={"read_only": True}, then="true"),
    Row(
        "it looks like http://proxy.example.com:3128",
        "list --url https://gis.example.com/x",
        78,
        setup="export HTTPS_PROXY=::",
        then="HTTPS_PROXY=http://127.0.0.1:9 hcexport list --url https://gis.example.com/x",
        end=6,
    ),
    Row(
        "name an HTTP proxy, or exempt the organization: NO_PROXY=HOST",
        "list --url https://gis.example.com/x",
        78,
        setup="export HTTPS_PROXY=socks5://127.0.0.1:9",
        then="NO_PROXY=gis.example.com hcexport list --url https://gis.example.com/x",
        end=6,
    ),
    Row(
        "check the name; is a VPN or another DNS server needed?",
        "list --url https://gis.invalid/x",
        6,
        then="hcexport list",
    ),
    Row(
        "check the port; is the server up, and is a VPN or a proxy (HTTPS_PROXY) needed?",
        "list --url http://127.0.0.1:9/x",
        6,
        then="hcexport list",
    ),
    Row(
        "does something that speaks http listen there? check the port",
        "list --url https://${URL#http://}",
        6,
        then="hcexport list",
    ),
    Row("export fewer at once", "export --all", 4, sandbox={"scenario": "firewall"}, then="hcexport export --latest 3"),
    Row(
        "hcexport works with ArcGIS Enterprise on Kubernetes 11.2 or newer",
        "login $URL -u $ADMIN --password-file pw --store file",
        78,
        sandbox={"deployment": "ArcGISEnterprise"},
        then="true",
    ),
    Row(
        "type it as you would by hand: -- hcexport export --new --out /var/backups/",
        "schedule cron -- ls",
        2,
        then="hcexport schedule cron -- hcexport export --new --out /var/backups/",
    ),
    Row(
        "give it as HH:MM, such as 05:15",
        "schedule cron --at noon -- hcexport export --new",
        2,
        then="hcexport schedule cron --at 05:15 -- hcexport export --new",
    ),
    Row(
        "use letters, digits, '.', '_' and '-'",
        "schedule cron --name 'a b' -- hcexport export --new",
        2,
        then="hcexport schedule cron --name a-b -- hcexport export --new",
    ),
    Row(
        "use at most 52 small letters, digits and '-', the last not at an end",
        "schedule kubernetes --name A -- hcexport export --new",
        2,
        then="TZ=Europe/Berlin hcexport schedule kubernetes --name a -- hcexport export --new",
    ),
    Row(
        "leave --shard out of the command",
        "schedule kubernetes --parts 2 -- hcexport export --new -p '*' --shard 0/2",
        2,
        then="TZ=Europe/Berlin hcexport schedule kubernetes --parts 2 -- hcexport export --new -p '*'",
    ),
]

# Hints that take more than a shell and a sandbox to provoke, and what that is.
NOT_PROVOKED = {
    "a warning of the doctor (cli/test_doctor.py)": [
        "a lost export cannot be looked for",
        "ask for a Publisher role",
        "every run waits for these first",
        "have the certificate renewed",
        "hcexport config get notify",
        "hcexport config list",
        "hcexport jobs --server",
        "hcexport login --remember",
        "hcexport wait <>",
        "its administrator has to set it up",
        "make it writable, with room in it, or set HCEXPORT_HOME; nothing is remembered until then",
        "hcexport run",
        "set this machine's clock: timedatectl",
        "the name server is slow",
        "trust it with --ca-bundle FILE",
        "unset SSLKEYLOGFILE",
        "use HCEXPORT_PASSWORD_FILE",
    ],
    "a bug of ours": ["please report it", "please report it; --log-file FILE keeps the details"],
    "a terminal": ["redirect it, or name a file", "type a value at the prompt, or use --no-input"],
    "a browser (functional/test_oauth_web.py)": [
        "hcexport login --web",
        "sign in again: <>",
        "sign in again: hcexport login --web",
    ],
    "another user, or no user (unit/test_files.py)": [
        "choose a folder that you may write to",
        "choose another file",
        "hcexport doctor",
        "ls -l <>",
        "make it writable, or name another folder with HCEXPORT_HOME",
        "set HCEXPORT_HOME to a folder to keep things in",
        "sudo chown <> <>",
        "sudo chown <> <>, or use another place",
    ],
    "a disk that is full or read-only, or a link in a circle (faults/test_disk.py)": [
        "free some space, or name another folder with HCEXPORT_HOME",
        "a limit on file sizes is in force (ulimit -f, or the file system's own)",
        "free some space, or choose a folder on another disk; the same command resumes the download",
        "free some space, or name a file on another disk",
        "symbolic links lead in a circle",
        "the file system is read-only: choose another folder",
        "your quota is used up: free some space, or choose a folder on another disk",
    ],
    "a proxy or a firewall (functional/test_tls_proxy.py, unit/test_api_responses.py)": [
        "check the address and the port; is a VPN or a proxy (HTTPS_PROXY) needed?",
        "put USER:PASSWORD@ before its host in HTTPS_PROXY",
        "check HTTPS_PROXY and NO_PROXY",
        "give them in HTTPS_PROXY",
        "a sign-in or maintenance page, or not the address of an organization",
        "a sign-in page, or an old address: check the organization's URL",
        "if nothing does, the token has expired: sign in again, or set another HCEXPORT_TOKEN",
        "reach the organization without that proxy, or make it leave downloads alone",
        "sign in: hcexport login",
        "the server, or a proxy on the way, breaks it: try again later",
        "use <> as the organization's address, unless that is a sign-in page",
    ],
    "a certificate (functional/test_tls_trust.py, faults/test_tls_trouble.py)": [
        "certificate and key have to be readable files in PEM, and belong together",
        "it has to be a readable file of certificates in PEM, or unset",
        "it has to be a readable file or folder of certificates in PEM",
        "check --client-cert",
        "give a key without one, in a 0600 file",
        "give one with --client-cert FILE --client-key FILE",
        "have it renewed",
        "have it renewed; check this machine's clock as well",
        "trust it with --ca-bundle FILE (the CA in PEM), or add it to the system's store",
        "use the name that is in the certificate, as in the organization's public address",
    ],
    "an answer that is lost, late or odd (faults/, unit/test_transfer_*.py)": [
        "have the license renewed, then try again",
        "<>; if the server has lost the job or its file (hcexport jobs --server), export again",
        "download the upload item with a browser",
        "hcexport download <>",
        "it is sent again after <> s; accounts lock after a few failures",
        "its result is lost: export again",
        "job <>: <>",
        "look at the upload item in a browser",
        "the server found none of the reports: see hcexport list",
        "try again later",
        "unzip -l shows what is in it",
    ],
    "a machine of another kind": [
        "edit it by hand",
        "give it from / on and without '..'",
        "install openssl, or leave --tls out",
        "name another file",
        "remove it, or unpack into another folder",
        "set TZ, such as TZ=Europe/Berlin",
    ],
}
