"""The Kubernetes API: the only importer of its client, which is imported in a thread and only when needed."""
