"""Generated workspaces and leads, each with the booking that is true of it."""
