"""``hcexport login``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hcexport.api.auth import generate_token
from hcexport.api.product import check_deployment
from hcexport.cli.app import App
from hcexport.cli.command import option
from hcexport.cli.credentials import ask_password, credentials_of
from hcexport.cli.options import DURATION, FILE, app_command
from hcexport.errors import ConfigError, PasswordRefused, SignInRequired, UsageError
from hcexport.models import Account
from hcexport.redaction import Secret
from hcexport.store.accounts import AccountKey, Kind, Token
from hcexport.store.credentials import Credentials
from hcexport.store.passwords import password_of, read_password_file
from hcexport.store.settings import remember_profile
