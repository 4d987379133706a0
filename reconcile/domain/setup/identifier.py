"""Names of tables and columns as SQL spells them."""


def identifier(name: str) -> str:
    """Return *name* as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
