"""What goes to stdout: JSON for programs, text for people."""

import json
import os
import pwd
import sys

import click

from reconcile.domain.plain_json import plain
from reconcile.settings import Output, Settings


def is_text(settings: Settings) -> bool:
    """Tell whether a person is to be spoken to: asked for, or there is a terminal."""
    return settings.output is Output.TEXT or (settings.output is Output.AUTO and sys.stdout.isatty())


def print_json(value: object) -> None:
    """Print one line of JSON, in ASCII so that no locale can spoil it."""
    click.echo(json.dumps(plain(value), separators=(",", ":")))


def user() -> str:
    """Return who is asking by the system's own books, which no variable can change."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
