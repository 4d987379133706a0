"""What goes to stdout: JSON for programs, text for people."""

import json
import os
import pwd
import sys

import click

from reconcile.domain.plain_json import plain
from reconcile.settings import Output, Settings


def is_text(settings: Settings) -> bool:
    """Return whether to print text for people: requested, or stdout is a terminal."""
    return settings.output is Output.TEXT or (settings.output is Output.AUTO and sys.stdout.isatty())


def print_json(value: object) -> None:
    """Print one line of JSON, in ASCII so that it does not depend on the locale."""
    click.echo(json.dumps(plain(value), separators=(",", ":")))


def user() -> str:
    """Return the user's name from the password database, which no environment variable can change."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
