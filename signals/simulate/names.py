"""Invented names for the accounts of a synthetic community."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = """Ada Alma Amir Anouk Arlo Asha Bea Bruno Carys Ciara Dario Della Ebba Eliška Emre Enzo
    Esme Fatou Femi Finn Freya Gita Hana Hugo Ines Ivo Jana Jonas Juno Kaya Kiran Lars Leila
    Lina Luca Maëlle Malik Mara Mila Milo Nadia Niamh Nico Noor Nuno Oona Oskar Otis Pia Priya
    Quinn Ravi Remy Rosa Rufus Saga Sami Sanna Tariq Tess Thea Timo Uma Vera Viggo Wren Yara
    Youssef Zofia Zoë"""
_LAST = """Abara Adler Almgren Antunes Bakke Barlow Bellamy Birch Botha Brandt Calder Castell Cole
    Corrigan Dahl Dalca Devlin Duarte Eklund Elman Farrow Fenwick Ferro Garnet Girard Grell
    Haddad Hale Halloran Harlow Ibsen Idris Jansen Jokela Kaplan Keane Kowal Kruse Lacroix
    Larkin Lemaire Lindqvist Lowe Maddox Marsh Mensah Mercer Moreau Nakos Nilsen Nowak Okoro
    Ortega Osei Pavel Penrose Petrov Quist Rahman Reyes Rowan Sadler Salo Sørby Stavros Tamm
    Thorne Tully Ueland Vance Varga Vidal Weir Winther Yilmaz Zeller"""
FIRST_NAMES = np.array(_FIRST.split())
LAST_NAMES = np.array(_LAST.split())


def display_names(rng: np.random.Generator, size: int) -> NDArray[np.str_]:
    """``size`` names, first and last drawn apart; no person is meant by any of them."""
    first = FIRST_NAMES[rng.integers(0, FIRST_NAMES.size, size)]
    last = LAST_NAMES[rng.integers(0, LAST_NAMES.size, size)]
    joined: NDArray[np.str_] = np.char.add(np.char.add(first, " "), last)
    return joined
