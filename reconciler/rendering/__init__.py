"""Values to text. Pure: every function returns a string, none prints, and nobody parses what it returned."""
