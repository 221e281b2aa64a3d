"""What runs in a process of its own. Those that the peers run need the standard library alone."""
