"""What the man pages say beyond the definitions that they are made of."""

DATED = "2026-11-23"  # of the last change of the pages: the day of a build would make no two builds alike

DESCRIPTION = """\
hcexport exports health check reports of ArcGIS Enterprise on Kubernetes: it submits an export, waits for the job,
downloads the zip that the job makes, verifies it and puts it under its final name in one step.

An organization is one deployment, named by its URL. A report is the result of one health check. An export is a job of
the server; its result is an upload item, the zip. A profile is a named organization plus how to sign in to it.

Standard output carries the result and nothing else; what is said to a person goes to standard error. With --format
json a result is one JSON document, and an error is one JSON object on standard error. In a pipe, text is one
tab-separated row a record, without heading, colour or cut columns.

A value comes from the option, else from the environment, else from the profile in the config file, else from that
file's defaults, else it is built in. "hcexport status" and "hcexport config list" name the origin of each. A profile's
user, store, password_file and password_command count for the profile's own organization only: where the environment
names another, they are left out, and --profile typed together with the address of another is status 78.

Durations are written 90, 90s, 10m, 2h or 1d. Points in time are 2026-11-01, 2026-11-01T03:00Z, 24h or 7d (ago), today
or yesterday. Lists are separated by commas; - reads them from standard input, one a line.
"""

FURTHER_VARIABLES = {
    "HCEXPORT_PROFILE": "The profile to use.",
    "HCEXPORT_TOKEN": "A token, used as it is and never stored.",
    "HCEXPORT_PASSWORD, ARCGIS_ENTERPRISE_PASSWORD": "A password. The weakest way to give one:"
    " HCEXPORT_PASSWORD_FILE and HCEXPORT_PASSWORD_COMMAND come first.",
    "HCEXPORT_HOME": "Folder that keeps configuration, credentials and state, instead of the folders under FILES.",
    "SSL_CERT_FILE, SSL_CERT_DIR": "Certificates to trust, as for other programs; HCEXPORT_CA_BUNDLE comes first.",
    "HTTPS_PROXY, NO_PROXY": "The proxy, and what is reached without it: names, addresses, networks.",
    "NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM": "Whether there is colour, in this order, after --color.",
    "COLUMNS": "Width of tables.",
}

FILES = {
    "~/.config/hcexport/config.toml": "Settings and profiles; no secrets.",
    "~/.local/share/hcexport/credentials/": "Secrets, only where the file store was chosen; for their owner only.",
    "~/.local/state/hcexport/ledger.db": "The exports submitted from this machine.",
    "~/.local/state/hcexport/sessions/": "What is known of each token beside its secret: its end, its user.",
    "~/.cache/hcexport/": "Ids that were seen last, for completion. May be removed at any time.",
    ".hcexport-*.part": "Beside the target: bytes of a download that is not finished. The next run goes on with them.",
}
