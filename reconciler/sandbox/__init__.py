"""A TPP of our own over real HTTP, for demos, tests and users without a spare TPP."""
