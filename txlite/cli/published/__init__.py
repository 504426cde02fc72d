"""Models that others have trained and published, and those that are saved as they are."""
