"""How things are measured and told, whatever they are."""
