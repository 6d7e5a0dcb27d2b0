"""``Actor`` under the name that the higher floors use; it is defined with the people it names."""

from staff.actors import Actor

__all__ = ["Actor"]
