"""What the reconciler costs, measured beside its peers in the same run: `make bench`."""
