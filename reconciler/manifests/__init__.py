"""Text to decisions, offline: every fault at once, each with its place and a remedy. Never talks to a server."""
