"""The HTML page: renders one self-contained document from facts, and serves it live."""
