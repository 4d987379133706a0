"""One file a version; the ledger's branch and the domain's do not know each other."""
