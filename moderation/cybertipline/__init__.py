"""NCMEC's CyberTipline: the report, the rules that it must keep, and the way there."""
