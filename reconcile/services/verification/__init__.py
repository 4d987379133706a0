"""Verifying a rollout: claims, log figures and checklists."""
