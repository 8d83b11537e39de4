"""What must be in the wheel, and what must not."""

import sys
import zipfile
from pathlib import Path

wheel = Path(sys.argv[1])
names = zipfile.ZipFile(wheel).namelist()
root = Path(__file__).parent.parent
modules = {path.relative_to(root).as_posix() for path in (root / "hcexport").rglob("*.py")}
wanted = modules | {"hcexport/py.typed"}
missing = sorted(wanted - set(names))
alien = sorted(name for name in names if not name.startswith(("hcexport/", "hcexport-")))
if missing or alien:
    sys.exit(f"{wheel.name}: missing {missing}, not ours {alien}")
print(f"{wheel.name}: {len(names)} files, {len(modules)} modules, nothing missing, nothing that is not ours")
