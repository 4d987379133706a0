"""SQLAlchemy's asyncio package without its object mapper, which nobody here uses: an eighth of a start, and 6 MB.

The package loads the mapper for its sessions, whatever of it is asked for. So its engine alone is loaded, and the
package itself when anything else of it is asked for: docs/decisions/0028-the-start-is-loading.md.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec

_PACKAGE = "sqlalchemy.ext.asyncio"
_USED = ("AsyncConnection", "AsyncEngine", "create_async_engine")


def load_without_orm() -> None:
    """Load the engine of SQLAlchemy's asyncio package; the rest follows when it is asked for."""
    spec = find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None or spec.loader is None:
        return
    package, run = module_from_spec(spec), spec.loader.exec_module

    def rest(name: str) -> object:
        if name.startswith("__"):  # questions that are asked of every module
            raise AttributeError(name)
        del package.__getattr__
        run(package)
        return getattr(package, name)

    sys.modules[_PACKAGE] = package
    try:
        engine = import_module(f"{_PACKAGE}.engine")
        used = {name: getattr(engine, name) for name in _USED}
    except (ImportError, AttributeError):  # another version of SQLAlchemy has them elsewhere
        del sys.modules[_PACKAGE]
        return
    vars(package).update(used, __getattr__=rest)
    vars(sys.modules["sqlalchemy.ext"])["asyncio"] = package
