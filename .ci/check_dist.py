"""Check what is to be uploaded, contents and metadata: ``check_dist.py DIST``, a folder with a wheel and its source."""

import email
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

root = Path(__file__).parent.parent
project = tomllib.loads((root / "pyproject.toml").read_text())
[wheel] = Path(sys.argv[1]).glob("*.whl")
[source] = Path(sys.argv[1]).glob("*.tar.gz")


def compare(place: Path, found: set[str], wanted: set[str]) -> None:
    """End with a message unless both are the same."""
    if found != wanted:
        sys.exit(f"{place.name}: missing {sorted(wanted - found)}, not ours {sorted(found - wanted)}")
    print(f"{place.name}: {len(found)} files, nothing missing, nothing that is not ours")


def tracked() -> set[str]:
    """The files that the source distribution takes from the repository."""
    chosen = [root / name.strip("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]]
    paths = [path for place in chosen for path in (place.rglob("*") if place.is_dir() else [place])]
    return {str(path.relative_to(root)) for path in paths if path.is_file() and "__pycache__" not in path.parts}


with zipfile.ZipFile(wheel) as archive:
    names = set(archive.namelist())
    [info] = [name.rpartition("/")[0] for name in names if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"].values()
compare(
    wheel,
    names,
    {str(path.relative_to(root)) for path in (root / "hcexport").rglob("*") if path.suffix in {".py", ".typed"}}
    | {f"{info.removesuffix('.dist-info')}.data/data/{place}" for place in shared}
    | {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")},
)
with tarfile.open(source) as tar:
    files = {member.name.partition("/")[2] for member in tar if member.isfile()}
compare(source, files, tracked() | {"PKG-INFO", "pyproject.toml", ".gitignore"})

stated = {name: metadata[name] for name in ("Name", "Version", "Summary", "License-Expression", "Requires-Python")}
if lacking := [name for name, value in stated.items() if not value]:
    sys.exit(f"{wheel.name}: no {', '.join(lacking)}")
print(", ".join(stated.values()))
