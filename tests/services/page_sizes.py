"""Sizes of lists around the end of a page, and a page that is small enough for tests."""

PAGE = 3
SIZES = (0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1)
"""Every list is read at these lengths: none, one, just below a page, exactly one, just above, and more than two."""


def sizes_around(page: int) -> tuple[int, ...]:
    """Return the lengths around the end of a page of *page* entries."""
    return (0, 1, page - 1, page, page + 1, 2 * page + 1)
