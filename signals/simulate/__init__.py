"""Synthetic communities with a known truth: ordinary life, hard negatives, planted strategies.

Pure numpy; nothing here knows of Django. The people who wrote the indicators wrote this generator
too, so results on it are an upper bound.
"""

from signals.simulate.community import Community, simulate
from signals.simulate.settings import SimulationSettings, default_prevalence

__all__ = ["Community", "SimulationSettings", "default_prevalence", "simulate"]
