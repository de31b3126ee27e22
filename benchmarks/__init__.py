"""What the reconciler costs, measured in turns in one run: `make bench`."""
