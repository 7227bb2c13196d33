"""Pictures: the gallery, references, styles."""
