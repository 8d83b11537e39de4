"""An organization's address in every form that people paste."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcexport.errors import UsageError
from hcexport.organization import Organization, is_loopback

GIS = "https://gis.example.com/enterprise"


@pytest.mark.parametrize(
    "tail",
    [
        "", "/", "//", "/admin", "/admin/", "/admin/healthCheck/reports?f=html", "/manager", "/manager/#/health",
        "/home", "/home/index.html", "/apps/sites/#/x", "/sharing/rest", "/sharing/rest/portals/self?f=json",
        "/rest/services",
        "/portaladmin", "/ADMIN", "?x=y", "#top",
    ],
)  # fmt: skip
def test_every_page_leads_to_the_same_organization(tail: str) -> None:
    assert Organization.parse(f"  {GIS}{tail}\n") == Organization.parse(GIS)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (GIS, GIS),
        ("HTTPS://GIS.Example.COM:443/enterprise", GIS),
        ("https://gis.example.com./enterprise", GIS),
        ("https://gis.example.com", "https://gis.example.com"),
        ("https://gis.example.com/admin", "https://gis.example.com"),
        ("https://gis.example.com:7443/a/b/admin", "https://gis.example.com:7443/a/b"),
        ("https://gis.example.com/my gis/\u00e9/home", "https://gis.example.com/my%20gis/%C3%A9"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://127.9.9.9/x", "http://127.9.9.9/x"),
    ],
)
def test_its_url(text: str, url: str) -> None:
    organization = Organization.parse(text)
    assert str(organization) == organization.url == url
    assert organization.admin == f"{url}/admin"
    assert organization.sharing == f"{url}/sharing/rest"
    assert Organization.parse(organization.url) == organization


@pytest.mark.parametrize(
    "text",
    [
        "", "gis.example.com", "gis.example.com/enterprise", "https://", "https:///x", "http://gis.example.com/x",
        "http://10.0.0.1/x", "ftp://gis.example.com", "https://me@gis.example.com", "https://me:pw@gis.example.com",
        "https://@gis.example.com", "https://gis.example.com:99999/x", "https://gis.example.com:x/", "https://[::1/x",
        "https://a b/x", "https://gis.example.com/../x", "https://gis.example.com/a/../../x", "http://localhost.evil.com/",
        "http://127.0.0.1.evil.com/", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_address_or_no_safe_one(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Organization.parse(text)
    assert "pw" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.x", False),
    ],
)  # a table
def test_loopback(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    for prefix in ("", "https://", "https://h/"):
        try:
            organization = Organization.parse(prefix + text)
        except UsageError:
            continue
        assert Organization.parse(organization.url) == organization
