"""The page: facts in, one self-contained document out; and a server that shows it live."""
