"""The Kubernetes API: the only importer of its client, which is loaded in a thread and only where it is wanted."""
