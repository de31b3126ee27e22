"""Use cases as a library: what the tool does, without the command line."""
