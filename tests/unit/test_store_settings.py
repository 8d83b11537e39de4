"""Where each value comes from, and what the config file may hold."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hcexport.errors import ConfigError, UsageError
from hcexport.organization import Organization
from hcexport.store import settings as settings_module
from hcexport.store.config_file import ConfigFile, change, profile_section
from hcexport.store.paths import Paths
from hcexport.store.resolution import resolve
from hcexport.store.setting_changes import remember_profile, set_value, unset_value
from hcexport.store.settings import KNOWN, ROWS, Settings, Value

A, B = "https://a.example.com/arcgis", "https://b.example.com/arcgis"
TWO_PROFILES = f"""\
version = 1
profile = "prod"   # the nightly one

[defaults]
timeout = "1h"
username = "nobody"

[profiles.prod]
url = "{A}"
username = "ops"
poll_interval = 5

[profiles."test.1"]
url = "{B}/admin"
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find({"HCEXPORT_HOME": str(tmp_path)})


def write(paths: Paths, text: str) -> None:
    paths.config_file.parent.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_text(text)


def found(paths: Paths, environ: dict[str, str] | None = None, **options: Any) -> Settings:
    return resolve(options, environ or {}, paths)


class TestOrigins:
    def test_built_in(self, paths: Paths) -> None:
        settings = found(paths)
        assert settings.timeout == Value(1800.0, "built-in")
        assert settings.store == Value("keyring", "built-in")
        assert settings.profile == Value("default", "built-in")

    def test_first_wins(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        environ = {"HCEXPORT_USERNAME": "one", "ARCGIS_ENTERPRISE_USER": "two"}
        winners = [
            found(paths, environ, username="typed"),
            found(paths, environ),
            found(paths, {"ARCGIS_ENTERPRISE_USER": "two"}),
            found(paths, {"HCEXPORT_USERNAME": "", "ARCGIS_ENTERPRISE_USER": ""}),
            found(paths, profile="test.1"),
        ]
        assert [settings.username for settings in winners] == [
            Value("typed", "--username"),
            Value("one", "HCEXPORT_USERNAME"),
            Value("two", "ARCGIS_ENTERPRISE_USER"),
            Value("ops", "profile prod (config.toml:10)"),
            Value("nobody", "defaults (config.toml:6)"),
        ]

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_every_setting_has_its_option_and_its_variable(self, paths: Paths, row: settings_module.Row) -> None:
        text = {"url": A, "store": "file", "auth": "oauth", "color": "never", "progress": "bar", "if_exists": "skip"}
        text["ignore"] = "HC_1:2026-12-31"
        value = text.get(row.name, "7")
        variable = "HCEXPORT_" + row.name.upper()
        option = getattr(resolve({row.name: value}, {variable: "nonsense"}, paths), row.name)
        from_environ = getattr(resolve({row.name: None}, {variable: value}, paths), row.name)
        assert option.value == from_environ.value == row.parse(value) != row.default
        assert (option.origin, from_environ.origin) == ("--" + row.name.replace("_", "-"), variable)

    def test_values_lists_everything_once(self, paths: Paths) -> None:
        names = [name for name, _ in found(paths).values()]
        assert names[0] == "profile"
        assert set(names) == KNOWN | {"profile"}
        assert len(names) == len(set(names))

    def test_an_option_that_is_no_text_is_taken_as_it_is(self, paths: Paths) -> None:
        assert found(paths, timeout=0.0).timeout == Value(0.0, "--timeout")

    def test_a_path_in_the_file_is_relative_to_the_file(self, paths: Paths) -> None:
        write(paths, '[defaults]\nca_bundle = "ca.pem"\nclient_key = "/etc/key.pem"\n')
        settings = found(paths)
        assert settings.ca_bundle.value == paths.config_file.parent / "ca.pem"
        assert settings.client_key.value == Path("/etc/key.pem")
        assert found(paths, ca_bundle="ca.pem").ca_bundle.value == Path("ca.pem")


class TestProfile:
    def test_the_one_that_is_named(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        assert found(paths, {"HCEXPORT_PROFILE": "test.1"}).profile == Value("test.1", "HCEXPORT_PROFILE")
        assert found(paths, {"HCEXPORT_PROFILE": "x"}, profile="test.1").organization == Organization.parse(B)
        assert found(paths).profile == Value("prod", "config.toml:2")

    def test_the_one_of_the_organization_that_is_named(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        assert found(paths, url=B + "/home/").profile == Value("test.1", "--url")
        assert found(paths, {"ARCGIS_ENTERPRISE_URL": A}).username.value == "ops"

    def test_another_organization_inherits_no_profile(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        settings = found(paths, url="https://c.example.com/x")
        assert settings.profile.value == "c.example.com"
        assert settings.username.value == "nobody"
        assert settings.poll_interval.origin == "built-in"

    @pytest.mark.parametrize(
        "address", [{"url": B}, {"environ": {"HCEXPORT_URL": B}}, {"environ": {"ARCGIS_ENTERPRISE_URL": B}}]
    )
    def test_one_that_is_typed_with_the_address_of_another(self, paths: Paths, address: dict[str, Any]) -> None:
        write(paths, TWO_PROFILES)
        with pytest.raises(ConfigError) as caught:
            found(paths, profile="prod", **address)
        assert caught.value.status == 78
        assert "prod" in caught.value.message
        assert B in caught.value.message

    def test_a_profile_typed_with_its_address_spelled_otherwise(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        settings = found(paths, {"HCEXPORT_URL": A.replace("a.example", "A.EXAMPLE") + "/home/"}, profile="prod")
        assert settings.username.value == "ops"

    def test_a_profile_that_login_moves_to_another_address(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        options = {"profile": "prod", "url": B}
        assert resolve(options, {}, paths, new_profile=True).username == Value("nobody", "defaults (config.toml:6)")
        with pytest.raises(ConfigError):
            resolve({"profile": "prod"}, {"HCEXPORT_URL": B}, paths, new_profile=True)

    @pytest.mark.parametrize("environ", [{"HCEXPORT_URL": B}, {"HCEXPORT_URL": "https://c.example.com"}])
    def test_its_secrets_stay_at_its_own_organization(self, paths: Paths, environ: dict[str, str]) -> None:
        secrets = 'store = "file"\npassword_file = "pw"\npassword_command = "pass show x"\n'
        write(paths, TWO_PROFILES.replace("poll_interval = 5\n", f"poll_interval = 5\n{secrets}"))
        settings = found(paths, {"HCEXPORT_PROFILE": "prod", **environ})
        assert settings.profile.value == "prod"
        assert (settings.poll_interval.value, settings.username.value) == (5.0, "nobody")
        assert (settings.store.value, settings.password_file.value, settings.password_command.value) == (
            "keyring",
            None,
            None,
        )
        assert found(paths, {"HCEXPORT_PROFILE": "prod"}).store.value == "file"

    def test_one_without_an_address_has_none_of_its_own(self, paths: Paths) -> None:
        write(paths, '[profiles.any]\npassword_file = "pw"\n')
        assert found(paths, {"HCEXPORT_URL": A}, profile="any").password_file.value == paths.config_file.parent / "pw"
        write(paths, f'[defaults]\nurl = "{B}"\n[profiles.any]\npassword_file = "pw"\n')
        with pytest.raises(ConfigError):
            found(paths, {"HCEXPORT_URL": A}, profile="any")

    def test_the_only_one(self, paths: Paths) -> None:
        write(paths, f'[profiles.solo]\nurl = "{A}"\n')
        assert found(paths).profile.value == "solo"

    def test_one_that_does_not_exist(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        with pytest.raises(ConfigError) as caught:
            found(paths, profile="prd")
        assert "'prd'" in caught.value.message
        assert "'prod'" in (caught.value.hint or "")
        assert resolve({"profile": "prd"}, {}, paths, new_profile=True).profile.value == "prd"
        assert found(paths, profile="prd", url=A).profile.value == "prd"

    @pytest.mark.parametrize("name", ["", "a b", "../x", "-p", ".hidden", "a/b", "x" * 65, "naïve", "a\n"])
    def test_names_that_cannot_be_a_file_name(self, paths: Paths, name: str) -> None:
        with pytest.raises(UsageError):
            remember_profile(paths, name, {"url": A})


class TestBadValues:
    @pytest.mark.parametrize(
        ("name", "text"),
        [("url", "gis.example.com"), ("timeout", "soon"), ("store", "floppy"), ("color", "Always"), ("if_exists", "")],
    )
    def test_typed_or_in_the_environment(self, paths: Paths, name: str, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            resolve({name: text}, {}, paths)
        assert caught.value.message.startswith(f"--{name.replace('_', '-')}: ")
        assert repr(text) in caught.value.message
        if text:
            with pytest.raises(UsageError, match=f"HCEXPORT_{name.upper()}: "):
                resolve({}, {f"HCEXPORT_{name.upper()}": text}, paths)

    def test_in_the_file(self, paths: Paths) -> None:
        write(paths, '[defaults]\n\ntimeout = "soon"\n')
        with pytest.raises(ConfigError, match=r"config\.toml:3"):
            found(paths)

    def test_a_bad_value_that_is_not_used_does_no_harm(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES + 'timeout = "soon"\n')
        assert found(paths).timeout.value == 3600

    def test_no_organization(self, paths: Paths) -> None:
        with pytest.raises(ConfigError):
            _ = found(paths).organization


class TestFile:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("version = 1\nprofile = \n", 2),
            ('[profiles.a]\nurl = "x"\n[profiles.a]\n', 3),
            ("\n\nversion = true\n", 3),
            ('version = "1"\n', 1),
            ("version = 1\nprofile = 3\n", 2),
            ("[defaults]\ntimeout = [1]\n", 2),
            ("[defaults]\n\ntimeout = false\n", 3),
            ("\ndefaults = 3\n", 2),
            ("profiles = 3\n", 1),
            ("[profiles]\nprod = 3\n", 2),
            ('[profiles.a]\nurl = "x"\npassword = "y"\n', 3),
            ('[defaults]\ntoken = "y"\n', 2),
            ('client_secret = "y"\n', 1),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(self, paths: Paths, text: str, line: int) -> None:
        write(paths, text)
        with pytest.raises(ConfigError) as caught:
            ConfigFile.read(paths.config_file, KNOWN)
        assert caught.value.message.startswith(f"{paths.config_file}:{line}: ")
        assert '"y"' not in caught.value.message

    @pytest.mark.parametrize("content", [b"\xff\xfe[\x00", b"[" * 100_000, b"a = " + b"[" * 5000 + b"]" * 5000, b"\0"])
    def test_what_is_no_toml(self, paths: Paths, content: bytes) -> None:
        write(paths, "")
        paths.config_file.write_bytes(content)
        with pytest.raises(ConfigError, match=r"config\.toml"):
            ConfigFile.read(paths.config_file, KNOWN)

    def test_a_folder_in_its_place(self, paths: Paths) -> None:
        paths.config_file.mkdir(parents=True)
        with pytest.raises(ConfigError, match=r"config\.toml"):
            found(paths)

    def test_a_mark_at_its_beginning(self, paths: Paths) -> None:
        paths.config_file.parent.mkdir(parents=True, exist_ok=True)
        paths.config_file.write_bytes(b"\xef\xbb\xbf[defaults]\r\nusername = 'x'\r\n")
        assert found(paths).username.value == "x"

    def test_unknown_keys_are_named_with_the_nearest(self, paths: Paths) -> None:
        write(paths, 'colour = "x"\n[defaults]\ntimeuot = "1h"\n[profiles.p]\nurll = "x"\nzzz = 1\n')
        warnings = ConfigFile.read(paths.config_file, KNOWN).warnings
        assert len(warnings) == 4
        assert [warning.partition(": ")[0].rpartition(":")[2] for warning in warnings] == ["1", "3", "5", "6"]
        assert "'timeout'" in warnings[1]
        assert "'url'" in warnings[2]

    def test_a_newer_version_is_read_and_not_written(self, paths: Paths) -> None:
        text = 'version = 2\n[defaults]\nusername = "x"\n'
        write(paths, text)
        settings = found(paths)
        assert settings.username.value == "x"
        assert len(settings.warnings) == 1
        with pytest.raises(ConfigError):
            set_value(paths, None, "timeout", "1h")
        assert paths.config_file.read_text() == text

    def test_each_of_many_profiles_reads_what_was_parsed_once(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text("[profiles.a]\n")
        first = ConfigFile.read(file, KNOWN)
        assert ConfigFile.read(file, KNOWN) is first
        file.write_text("[profiles.b]\n")
        assert ConfigFile.read(file, KNOWN).profiles == ["b"]


class TestChanging:
    def test_the_rest_stays_as_it_was(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES + "# the end\n")
        set_value(paths, None, "timeout", "2h")
        set_value(paths, "prod", "store", "file")
        unset_value(paths, "prod", "poll_interval")
        expected = TWO_PROFILES.replace('"1h"', '"2h"').replace("poll_interval = 5", 'store = "file"') + "# the end\n"
        assert paths.config_file.read_text() == expected

    def test_the_first_profile_becomes_the_default(self, paths: Paths) -> None:
        remember_profile(paths, "prod", {"url": A, "username": "ops", "client_id": None})
        remember_profile(paths, "test", {"url": B})
        remember_profile(paths, "prod", {"store": "file", "username": None})
        content = tomllib.loads(paths.config_file.read_text())
        assert content == {
            "version": 1,
            "profile": "prod",
            "profiles": {"prod": {"url": A, "store": "file"}, "test": {"url": B}},
        }

    def test_forgetting_where_nothing_is(self, paths: Paths) -> None:
        unset_value(paths, None, "timeout")
        assert not paths.config_file.exists()

    def test_what_is_so_already_is_not_written(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        before = paths.config_file.stat()
        remember_profile(paths, "prod", {"url": A, "store": None})
        after = paths.config_file.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("text", ["defaults = 3\n", "[[defaults]]\n", "[defaults.timeout]\nx = 1\n"])
    def test_a_file_of_another_shape_is_left_alone(self, paths: Paths, text: str) -> None:
        write(paths, text)
        with suppress(ConfigError):
            set_value(paths, None, "timeout", "1h")
        content = paths.config_file.read_text()
        assert content == text or tomllib.loads(content) == {"defaults": {"timeout": "1h"}}

    def test_many_at_once(self, paths: Paths) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: remember_profile(paths, f"p{number}", {"url": A}), range(16)))
        assert len(ConfigFile.read(paths.config_file, KNOWN).profiles) == 16

    def test_the_default_profile(self, paths: Paths) -> None:
        write(paths, TWO_PROFILES)
        set_value(paths, None, "profile", "test.1")
        assert found(paths).profile.value == "test.1"
        unset_value(paths, None, "profile")
        assert found(paths).profile == Value("default", "built-in")

    @pytest.mark.parametrize(("name", "text"), [("timeuot", "1h"), ("timeout", "soon"), ("password", "x")])
    def test_what_is_not_written(self, paths: Paths, name: str, text: str) -> None:
        with pytest.raises(UsageError):
            set_value(paths, None, name, text)
        assert not paths.config_file.exists()

    def test_a_broken_file_is_not_overwritten(self, paths: Paths) -> None:
        write(paths, "profile = \n")
        with pytest.raises(ConfigError, match=":1"):
            set_value(paths, None, "timeout", "1h")
        assert paths.config_file.read_text() == "profile = \n"

    def test_the_file_is_private_and_a_link_stays_one(self, paths: Paths, tmp_path: Path) -> None:
        real = tmp_path / "dotfiles" / "hcexport.toml"
        real.parent.mkdir()
        real.write_text(TWO_PROFILES)
        paths.config_file.parent.mkdir(parents=True, exist_ok=True)
        paths.config_file.symlink_to(real)
        set_value(paths, None, "timeout", "2h")
        assert paths.config_file.is_symlink()
        assert '"2h"' in real.read_text()
        assert real.stat().st_mode & 0o777 == 0o600

    def test_profiles_in_one_line(self, paths: Paths) -> None:
        """Either it is changed rightly or it is refused and left alone."""
        text = f'profiles = {{ prod = {{ url = "{A}" }} }}\n'
        write(paths, text)
        try:
            remember_profile(paths, "new", {"url": B})
        except ConfigError:
            assert paths.config_file.read_text() == text
        else:
            profiles = tomllib.loads(paths.config_file.read_text())["profiles"]
            assert profiles == {"prod": {"url": A}, "new": {"url": B}}


keys = st.sampled_from([*sorted(KNOWN), "unknown", "a b", "ü"])
values = (
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
)
tables = st.dictionaries(keys, values, max_size=4)
names = st.sampled_from(["prod", "test.1", "a-b", "x"])


def toml(document: dict[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps(document)


@settings(deadline=None)  # files are slow on a busy machine
@given(
    st.dictionaries(names, tables, max_size=3),
    tables,
    names,
    st.text(st.characters(exclude_categories=("Cs",)), max_size=9),
)
def test_a_change_changes_one_thing(
    tmp_path_factory: pytest.TempPathFactory, profiles: Any, defaults: Any, name: str, text: str
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    document = {"version": 1, "defaults": defaults, "profiles": profiles}
    path.write_text(toml(document))
    change(path, {profile_section(name): {"username": text}})
    expected = {**document, "profiles": {**profiles, name: {**profiles.get(name, {}), "username": text}}}
    assert tomllib.loads(path.read_text()) == expected


@settings(deadline=None)  # files are slow on a busy machine
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_the_file_holds_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    paths = Paths.find({"HCEXPORT_HOME": str(tmp_path_factory.mktemp("home"))})
    paths.config_file.write_bytes(content)
    with suppress(ConfigError):
        found(paths)


@settings(deadline=None)  # files are slow on a busy machine
@given(st.dictionaries(st.sampled_from([row.name for row in ROWS]), st.text(max_size=20)), st.booleans())
def test_whatever_is_typed_is_understood_or_refused(given_text: dict[str, str], typed: bool) -> None:
    paths = Paths.find({"HCEXPORT_HOME": "/nonexistent"})
    environ = {} if typed else {f"HCEXPORT_{name.upper()}": text for name, text in given_text.items()}
    with suppress(UsageError):
        resolve(given_text if typed else {}, environ, paths)
