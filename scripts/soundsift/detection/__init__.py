"""What is heard in recordings."""
