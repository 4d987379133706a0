"""The command line: each command reads a request, calls one function and says what happened."""
