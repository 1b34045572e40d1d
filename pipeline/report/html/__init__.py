"""From content to HTML."""
