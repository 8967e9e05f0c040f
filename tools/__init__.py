"""Programs that record, check and describe the book."""
