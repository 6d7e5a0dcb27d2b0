"""What pages read. Nothing in here writes."""
