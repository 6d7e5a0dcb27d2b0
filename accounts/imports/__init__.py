"""The import: rows out of files, checked, into the graph."""
