"""What may be released, and the evidence."""
