"""Readers: one a format, all giving the same batches of raw columns with their line numbers.

Nothing here knows Django or judges a value; ``accounts.validation`` does that.
"""
