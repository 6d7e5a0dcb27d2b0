"""No tables. Django announces `post_migrate`, which grants the rights, only to apps with models."""
