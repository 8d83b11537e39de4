"""Private files, and the store that is made of them."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from hcexport import files as private_files
from hcexport.auth.secret_stores import FileStore
from hcexport.auth.tokens import AccountKey, SecretKind
from hcexport.errors import ConfigError
from hcexport.files import private_folder, read_private, write_private
from hcexport.organization import Organization
from hcexport.redaction import Secret
from hcexport.store.config_file import ConfigFile
from hcexport.store.paths import Paths

KEY = AccountKey(Organization.parse("https://gis.example.com/arcgis"), "ops")
TOKEN = Secret("token-of-ops-1234")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


class TestPrivateFiles:
    @pytest.mark.usefixtures("umask")
    def test_private_whatever_the_umask_is(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "secret"
        write_private(path, b"one")
        write_private(path, b"two")
        assert read_private(path) == b"two"
        assert [mode(place) for place in (path.parent.parent, path.parent, path)] == [0o700, 0o700, 0o600]

    @pytest.mark.usefixtures("umask")
    def test_private_from_the_first_byte(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before its mode is set, before its content is there, and before it has its name."""
        seen = []
        replace, fchmod = Path.replace, os.fchmod

        def look_first(descriptor: int, wanted: int) -> None:
            found = os.fstat(descriptor)
            assert (found.st_mode & 0o077, found.st_size) == (0, 0)
            fchmod(descriptor, wanted)

        def look(self: Path, target: Path) -> Path:
            seen.append((mode(self), self.read_bytes(), self.parent == target.parent))
            return replace(self, target)

        monkeypatch.setattr(private_files.os, "fchmod", look_first)
        monkeypatch.setattr(Path, "replace", look)
        write_private(tmp_path / "secret", b"one")
        assert seen == [(0o600, b"one", True)]

    def test_an_existing_folder_keeps_its_mode(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        private_folder(tmp_path / "new")
        assert (mode(tmp_path), mode(tmp_path / "new")) == (0o755, 0o700)

    def test_a_failure_leaves_the_old_content_and_no_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "folder" / "secret"
        write_private(path, b"old")

        def no_space(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(private_files.os, "fsync", no_space)
        with pytest.raises(ConfigError, match="No space left"):
            write_private(path, b"new")
        assert path.read_bytes() == b"old"
        assert list(path.parent.iterdir()) == [path]

    def test_content_then_name_then_folder_reach_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def logged_fsync(descriptor: int) -> None:
            steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
            fsync(descriptor)

        monkeypatch.setattr(private_files.os, "fsync", logged_fsync)
        monkeypatch.setattr(Path, "replace", lambda self, target: steps.append("rename") or replace(self, target))
        write_private(tmp_path / "secret", b"x")
        assert steps == ["file", "rename", "folder"]

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert read_private(tmp_path / "secret") is None
        assert read_private(tmp_path / "missing" / "secret") is None

    @pytest.mark.parametrize("loose", [0o640, 0o604, 0o660, 0o666, 0o620, 0o601])
    def test_a_file_that_is_open_to_others_is_refused(self, tmp_path: Path, loose: int) -> None:
        path = tmp_path / "secret"
        write_private(path, b"x")
        path.chmod(loose)
        with pytest.raises(ConfigError) as caught:
            read_private(path)
        assert str(path) in caught.value.message
        assert "chmod 600" in (caught.value.hint or "")

    def test_a_foreign_file_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "secret"
        write_private(path, b"x")
        monkeypatch.setattr(private_files.os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(ConfigError, match="somebody else"):
            read_private(path)

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        write_private(tmp_path / "real", b"x")
        for name, target in (("link", tmp_path / "real"), ("dangling", tmp_path / "nowhere")):
            (tmp_path / name).symlink_to(target)
            with pytest.raises(ConfigError, match=name):
                read_private(tmp_path / name)

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES])
    def test_a_folder_that_cannot_be_synced_is_no_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        real = os.fsync

        def only_files(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", only_files)
        write_private(tmp_path / "file", b"x")
        assert read_private(tmp_path / "file") == b"x"

    def test_what_is_no_file_is_refused_and_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe", 0o600)
        (tmp_path / "folder").mkdir(0o700)
        for name in ("pipe", "folder"):
            with pytest.raises(ConfigError, match=name):
                read_private(tmp_path / name)

    def test_a_file_in_the_way_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError) as caught:
            write_private(tmp_path / "file" / "secret", b"x")
        assert "HCEXPORT_HOME" in (caught.value.hint or "")


class TestFileStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "home" / "credentials")

    @pytest.mark.usefixtures("umask")
    def test_keeps_finds_and_forgets(self, store: FileStore) -> None:
        assert str(store.folder) in store.probe()
        assert store.load(KEY, SecretKind.TOKEN) is None
        store.save(KEY, SecretKind.TOKEN, TOKEN)
        store.save(KEY, SecretKind.PASSWORD, Secret(" pässword with spaces "))
        assert store.load(KEY, SecretKind.TOKEN) == TOKEN
        assert store.load(KEY, SecretKind.PASSWORD) == Secret(" pässword with spaces ")
        assert [mode(path) for path in store.folder.iterdir()] == [0o600, 0o600]
        assert mode(store.folder) == 0o700
        assert store.delete(KEY, SecretKind.TOKEN)
        assert not store.delete(KEY, SecretKind.TOKEN)
        assert store.load(KEY, SecretKind.TOKEN) is None
        assert store.load(KEY, SecretKind.PASSWORD) is not None

    @pytest.mark.parametrize(
        "other",
        [
            ("https://gis.example.com:7443/arcgis", "ops"),
            ("https://gis.example.com/other", "ops"),
            ("https://gis.example.com", "ops"),
            ("https://gis2.example.com/arcgis", "ops"),
            ("https://gis.example.com/arcgis", "Ops"),
            ("https://gis.example.com/arcgis", ""),
        ],
    )
    def test_another_account_gets_nothing(self, store: FileStore, other: tuple[str, str]) -> None:
        store.save(KEY, SecretKind.TOKEN, TOKEN)
        assert store.load(AccountKey(Organization.parse(other[0]), other[1]), SecretKind.TOKEN) is None

    @pytest.mark.parametrize("username", ["../../etc/passwd", "a/b", "x" * 300, "домен\\user", "user@idp#1", ".."])
    def test_a_user_of_any_name_stays_in_the_folder(self, store: FileStore, username: str) -> None:
        key = AccountKey(KEY.organization, username)
        store.save(key, SecretKind.TOKEN, TOKEN)
        assert store.load(key, SecretKind.TOKEN) == TOKEN
        assert [path.parent for path in store.folder.rglob("*")] == [store.folder]

    def test_a_spoilt_file(self, store: FileStore) -> None:
        store.save(KEY, SecretKind.TOKEN, TOKEN)
        (path,) = store.folder.iterdir()
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigError, match=str(path)):
            store.load(KEY, SecretKind.TOKEN)
        path.write_bytes(b"edited-by-hand\n")
        assert store.load(KEY, SecretKind.TOKEN) == Secret("edited-by-hand")

    def test_probe_finds_out_that_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError):
            FileStore(tmp_path / "file" / "credentials").probe()

    def test_probe_leaves_nothing(self, store: FileStore) -> None:
        store.probe()
        assert list(store.folder.iterdir()) == []


class TestPaths:
    def test_everything_under_one_folder(self, tmp_path: Path) -> None:
        paths = Paths.find({"HCEXPORT_HOME": str(tmp_path / "x")})
        places = [paths.config_file, paths.credentials, paths.sessions, paths.locks, paths.ledger, paths.cache]
        assert all(place.is_relative_to(tmp_path / "x") for place in places)
        assert len(set(places)) == len(places)
        assert not (tmp_path / "x").exists()

    def test_a_relative_folder_is_made_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert Paths.find({"HCEXPORT_HOME": "here"}).config == tmp_path / "here"

    def test_the_platforms_own_folders(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "st"))
        paths = Paths.find({"HCEXPORT_HOME": ""})
        assert paths.config_file == tmp_path / ".config" / "hcexport" / "config.toml"
        assert paths.ledger == tmp_path / "st" / "hcexport" / "ledger.db"

    def test_no_such_home(self) -> None:
        with pytest.raises(ConfigError):
            Paths.find({"HCEXPORT_HOME": "~nobody-of-that-name/x"})

    def test_a_user_without_a_home(self, tmp_path: Path) -> None:
        """As in a container that runs under a number: an error that says what to set, and no folder called ``~``."""
        script = (
            "import os, pwd, posixpath\n"
            "def unknown(uid): raise KeyError(uid)\n"
            "pwd.getpwuid = unknown\n"
            "from hcexport.errors import ConfigError\n"
            "from hcexport.store.paths import Paths\n"
            "try: Paths.find(os.environ)\n"
            "except ConfigError as error: print(error.hint)\n"
        )
        environ = {name: value for name, value in os.environ.items() if "HOME" not in name and "XDG" not in name}
        environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
        assert "HCEXPORT_HOME" in done.stdout
        assert list(tmp_path.glob("*~*")) == []


class TestAccountKey:
    @pytest.mark.parametrize("username", ["a\nb", "a\rb", "a\0b", "a\x1b[0m", "a\u2028b", "a\u202eb"])
    def test_control_characters_are_refused(self, username: str) -> None:
        with pytest.raises(Exception, match="control character"):
            AccountKey(KEY.organization, username)

    def test_the_same_organization_however_it_is_written(self) -> None:
        other = Organization.parse("https://GIS.example.com:443/arcgis/admin/")
        assert AccountKey(other, "ops").file_name == KEY.file_name


class TestWhoseTheyAre:
    """Who can change the home runs commands in our name."""

    @pytest.fixture
    def paths(self, tmp_path: Path) -> Paths:
        (tmp_path / "place").mkdir(mode=0o700)
        return Paths.find({"HCEXPORT_HOME": str(tmp_path / "place")})

    def test_a_home_that_everybody_may_write_is_refused(self, paths: Paths) -> None:
        for permissions, is_refused in ((0o777, True), (0o1777, True), (0o775, False), (0o2770, False), (0o755, False)):
            paths.config.chmod(permissions)
            with pytest.raises(ConfigError) if is_refused else nullcontext() as caught:
                paths.check()
            assert not caught or f"chmod o-w {paths.config}" in str(caught.value.hint)

    def test_one_that_is_not_there_is_made_below_whatever_is_open(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1777)
        paths = Paths.find({"HCEXPORT_HOME": str(tmp_path / "new")}).check()
        write_private(paths.config_file, b"version = 1\n")
        assert mode(paths.check().config) == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_a_home_of_somebody_else_is_refused(self, paths: Paths) -> None:
        os.chown(paths.config, 12345, -1)
        with pytest.raises(ConfigError) as caught:
            paths.check()
        assert "chown" in str(caught.value.hint)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_a_link_of_somebody_else_is_refused(self, paths: Paths, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(paths.config)
        assert Paths.find({"HCEXPORT_HOME": str(link)}).check()
        os.chown(link, 12345, -1, follow_symlinks=False)
        with pytest.raises(ConfigError):
            Paths.find({"HCEXPORT_HOME": str(link)}).check()

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize("spoil", ["open", "foreign", "pipe"])
    def test_a_config_file_of_somebody_else_is_refused(self, paths: Paths, spoil: str) -> None:
        if spoil == "pipe":
            os.mkfifo(paths.config_file)
        else:
            paths.config_file.write_text("version = 1\n")
        if spoil == "open":
            paths.config_file.chmod(0o666)
        if spoil == "foreign":
            if os.geteuid() != 0:
                pytest.skip("only root gives files away")
            os.chown(paths.config_file, 12345, -1)
        with pytest.raises(ConfigError, match=r"config\.toml"):
            ConfigFile.read(paths.config_file, set())

    @pytest.mark.parametrize("permissions", [0o777, 0o755, 0o750])
    def test_the_credentials_folder_becomes_private(self, paths: Paths, permissions: int) -> None:
        paths.credentials.mkdir()
        paths.credentials.chmod(permissions)
        assert FileStore(paths.credentials).load(KEY, SecretKind.TOKEN) is None
        assert mode(paths.credentials) == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_the_credentials_folder_of_somebody_else_is_refused(self, paths: Paths) -> None:
        paths.credentials.mkdir()
        os.chown(paths.credentials, 12345, -1)
        for use in (lambda store: store.load(KEY, SecretKind.TOKEN), FileStore.probe):
            with pytest.raises(ConfigError):
                use(FileStore(paths.credentials))
