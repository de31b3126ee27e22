"""A local test server that behaves like TPP over real HTTP, for demos, tests and users without a spare TPP."""
