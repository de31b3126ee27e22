"""The plan page and the report site: static HTML without network, readable without scripts."""
