"""The console: a page for people, and what it needs to know."""
