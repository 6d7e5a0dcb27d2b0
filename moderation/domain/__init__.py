"""Pure rules of a case: no Django in here."""
