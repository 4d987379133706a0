"""One database behind the store's ports: the only place that knows SQL."""

from reconcile.store.db.without_orm import load_without_orm

load_without_orm()
