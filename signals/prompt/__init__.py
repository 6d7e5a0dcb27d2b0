"""Accounts that a small import touches, brought up to date before the next complete run."""
