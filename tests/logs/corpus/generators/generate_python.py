"""Writes 40 lines with one of Python's logging libraries, every second one an error's."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import loguru
import structlog

Logger = Any


def plain(pattern: str | None) -> Logger:
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format=pattern or logging.BASIC_FORMAT)
    return logging.getLogger("app.jobs")


def of_loguru(*, serialize: bool) -> Logger:
    loguru.logger.remove()
    loguru.logger.add(sys.stdout, serialize=serialize, colorize=False)
    return loguru.logger


def of_structlog(renderer: Any) -> Logger:
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    return structlog.get_logger()


LIBRARIES: dict[str, Callable[[], Logger]] = {
    "logging": lambda: plain(None),
    "logging-asctime": lambda: plain("%(asctime)s - %(name)s - %(levelname)s - %(message)s"),
    "logging-brackets": lambda: plain("[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"),
    "loguru": lambda: of_loguru(serialize=False),
    "loguru-serialized": lambda: of_loguru(serialize=True),
    "structlog": lambda: of_structlog(structlog.dev.ConsoleRenderer(colors=True)),
    "structlog-json": lambda: of_structlog(structlog.processors.JSONRenderer()),
}


def main(library: str) -> None:
    logger = LIBRARIES[library]()
    for number in range(40):
        write = logger.error if number % 2 else logger.info if number % 4 == 0 else logger.warning
        write(f"lead {number} was looked at")


if __name__ == "__main__":
    main(sys.argv[1])
