"""Everything breaks, and every mail is accounted for: `make chaos`."""
