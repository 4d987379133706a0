"""A test that wants a program which a machine does not have is skipped, with what to install."""

import pytest

from tests.programs import skip_unless_it_runs


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(pytest.skip.Exception, match="no such-program on this machine: apt-get install that-package"):
        skip_unless_it_runs("such-program", package="that-package")


def test_a_program_that_is_refused_is_quoted() -> None:
    with pytest.raises(pytest.skip.Exception, match="not let us run sh: no rights"):
        skip_unless_it_runs("sh", "-c", "echo no rights >&2; exit 1", package="dash")


def test_a_program_that_runs_skips_nothing() -> None:
    skip_unless_it_runs("sh", "-c", "exit 0", package="dash")
