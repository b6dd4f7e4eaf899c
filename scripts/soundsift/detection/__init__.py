"""Detection of classes in recordings of any length."""
