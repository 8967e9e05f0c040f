"""Small Sphinx extensions of this book's site."""
