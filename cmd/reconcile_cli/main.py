"""The root command: reads the environment once, imports the requested command, and sets the exit code."""

import errno
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from itertools import pairwise
from types import FrameType
from typing import Any, NoReturn

import click

from reconcile import __version__
from reconcile.errors import (
    ClusterUnavailable,
    InputUnreadable,
    LeaseHeld,
    LeaseLost,
    LogsRefused,
    LogsUnavailable,
    QuestionError,
    ReconcileError,
    RequestError,
    SettingsError,
    StoreUnavailable,
)
from reconcile_cli.sections import MODULES, SECTIONS


class ExitCode(IntEnum):
    """Exit codes: a public interface, on which the chart's podFailurePolicy depends."""

    DONE = 0
    """Also if a breaker opened or another run held the lease: the report says so, and --fail-on changes it."""
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 2
    """The result of verify; its usage errors exit with QUESTION instead."""
    QUESTION = 64
    """Invalid arguments to verify, or a checklist with faults."""
    NO_INPUT = 66
    """A named file or CronJob does not exist, cannot be read, or has the wrong format."""
    TEMPORARY = 75
    """The database is unreachable, or another process holds the lease: try again later."""
    OUTPUT = 74
    """Nothing can be written to stdout: it is closed, or its disk is full."""
    SETTINGS = 78
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


_BY_ERROR: tuple[tuple[type[ReconcileError], ExitCode], ...] = (
    (SettingsError, ExitCode.SETTINGS),
    (RequestError, ExitCode.USAGE),
    (QuestionError, ExitCode.QUESTION),
    (InputUnreadable, ExitCode.NO_INPUT),
    (LogsRefused, ExitCode.NO_INPUT),
    (LogsUnavailable, ExitCode.TEMPORARY),
    (StoreUnavailable, ExitCode.TEMPORARY),
    (ClusterUnavailable, ExitCode.TEMPORARY),
    (LeaseHeld, ExitCode.TEMPORARY),
    (LeaseLost, ExitCode.TEMPORARY),
    (ReconcileError, ExitCode.FAILED),
)


_OUTPUT_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF})


class Root(click.Group):
    """Imports a command when it is called, and turns exceptions into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            if ctx.resilient_parsing:  # a shell asks for completions
                return None
            raise click.exceptions.NoSuchCommand(cmd_name, possibilities=MODULES, ctx=ctx)
        module = importlib.import_module(MODULES[cmd_name])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(len(name) for name in MODULES)
        for section in SECTIONS:
            with formatter.section(section.title):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in section.summaries.items()])

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - click's own
        """Run, and end in a sentence where nothing can be written to stdout, wherever that is met."""
        if sys.stdout is None:
            click.echo("reconcile: stdout is closed, so the command was not started; redirect it to a file", err=True)
            sys.exit(ExitCode.OUTPUT)
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            if error.errno not in _OUTPUT_FAULTS:
                raise
            fault = error.strerror
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more
        click.echo(f"reconcile: stdout cannot be written ({fault}); what was done before stays done", err=True)
        sys.exit(ExitCode.OUTPUT)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a bug ends with a traceback, every other error with a sentence."""
        asked_to_end: list[int] = []
        arguments = (*ctx._protected_args, *ctx.args)  # noqa: SLF001 - click has no other name for them
        try:
            with _terminable() as asked_to_end:
                result = super().invoke(ctx)
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            if asked_to_end:
                _end(ExitCode.TERMINATED, "ended by SIGTERM")
            _end(ExitCode.INTERRUPTED, "interrupted")
        except BrokenPipeError:
            # stdout was closed by the reader; the interpreter must not fail again when it flushes
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _end(ExitCode.PIPE_CLOSED)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _OUTPUT_FAULTS:
                raise
            if asked_to_end:  # a KeyboardInterrupt that was wrapped on its way
                _end(ExitCode.TERMINATED, "ended by SIGTERM")
            _end_with(error, as_json=ctx.invoked_subcommand == "run" and _asks_for_json(ctx.obj, arguments))
        return result


def _asks_for_json(env: Mapping[str, str], arguments: Sequence[str]) -> bool:
    """Return whether a run's report is asked for as JSON, also where the settings can't be read."""
    typed = [each.partition("=")[2] for each in arguments if each.startswith("--output=")]
    typed += [value for name, value in pairwise(arguments) if name == "--output"]
    output = typed[-1] if typed else env.get("RECONCILE_OUTPUT", "auto")
    return output == "json" or (output != "text" and not sys.stdout.isatty())


def _end_with(error: BaseException, *, as_json: bool) -> NoReturn:
    expected = _expected(error)
    if not expected:
        click.echo(_traceback(error), err=True, nl=False)
        if as_json:
            _print_failure(ExitCode.FAILED, [f"a bug: {type(error).__name__}; its traceback is on stderr"])
        _end(ExitCode.FAILED)
    codes = [next(code for kind, code in _BY_ERROR if isinstance(each, kind)) for each in expected]
    faults = (each.faults if isinstance(each, SettingsError) else (str(each),) for each in expected)
    sentences = list(dict.fromkeys(sentence for each in faults for sentence in each))
    if as_json:
        _print_failure(max(codes), sentences)
    _end(max(codes), *sentences)


def _print_failure(code: ExitCode, sentences: Sequence[str]) -> None:
    """Print what stands for the report of a run that could not be made."""
    report = {"success": False, "reason": "; ".join(sentences), "exitCode": code.name.lower()}
    click.echo(json.dumps(report, separators=(",", ":")))


def _traceback(error: BaseException) -> str:
    """Return where *error* and its causes were raised, and their types; their texts may hold personal data."""
    parts = [_traceback(each) for each in (error.exceptions if isinstance(error, BaseExceptionGroup) else ())]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.append(_traceback(cause))
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return "".join([*parts, f"Traceback (most recent call last):\n{frames}{name}\n"])


def _expected(error: BaseException) -> list[ReconcileError]:
    """Return the expected errors, also out of exception groups; none if there is any other exception."""
    if isinstance(error, ReconcileError):
        return [error]
    if not isinstance(error, BaseExceptionGroup):
        return []
    parts = [_expected(each) for each in error.exceptions]
    return [each for part in parts for each in part] if all(parts) else []


def _end(code: ExitCode, *sentences: str) -> NoReturn:
    for sentence in sentences:
        click.echo(f"reconcile: {sentence}", err=True)
    raise click.exceptions.Exit(code)


class _Terminated(KeyboardInterrupt):
    """SIGTERM was received. A plain KeyboardInterrupt during an import would make Python exit by SIGINT."""


@contextmanager
def _terminable() -> Iterator[list[int]]:
    """Let SIGTERM end a command in order, as Ctrl-C does; the yielded list is not empty once it was received.

    A handler is needed because the kernel has no default action for PID 1 of a container. `run` has its own.
    """
    received: list[int] = []

    def terminate(number: int, _frame: FrameType | None) -> None:
        if received:  # the command is exiting: a second interrupt would hit the code that reports the first
            return
        received.append(number)
        # A shell ignores SIGINT for background processes. Any other handler is an event loop's.
        if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.default_int_handler):
            raise _Terminated
        signal.raise_signal(signal.SIGINT)

    def raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
        """Raise again a moment later if the interrupt hit a callback, where Python discards exceptions."""
        if unraisable.exc_type is not _Terminated:
            hook(unraisable)
            return
        received.clear()
        timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()

    hook, sys.unraisablehook = sys.unraisablehook, raise_again
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.unraisablehook = hook


@click.command(
    cls=Root, name="reconcile", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, message="reconcile %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Compare booked appointments with the calendar providers and repair the database.

    Settings are environment variables (RECONCILE_...) or flags of the same name; a flag takes precedence. Exit codes: 0
    done, 1 failed, 2 usage, 64 and 66 only of verify, 74 stdout, 75 try again later, 78 settings, 143 ended by SIGTERM.
    """
    ctx.obj = dict(os.environ) if ctx.obj is None else ctx.obj


if __name__ == "__main__":
    cli(prog_name="reconcile")
