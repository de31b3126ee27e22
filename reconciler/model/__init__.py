"""The nouns: frozen values built on the standard library alone. No I/O and no 'now'."""
