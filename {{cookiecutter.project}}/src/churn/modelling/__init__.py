"""What is fitted, and how good it is."""
