"""Leads and workspaces: due work, reads, and the batch write."""
