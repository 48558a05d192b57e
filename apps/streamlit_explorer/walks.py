"""Walks of the zoo's models for the pages: a model is loaded once, a walk is computed once, for everybody.

A closed tab stops its walk at the next step; what a user asks wrongly is one sentence on the page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from page import Mistake

import pedesis_zoo as zoo
from pedesis.lessons.denoising import Walk
from pedesis.utils.device import announced, find_device
from pedesis_zoo.models.own_files import drawable

PICTURES = 4
EACH, NO_CLASS = "one of each", "no class"


@st.cache_resource(show_spinner=False)
def own_models() -> dict[str, Path]:
    """Your own weight files: `streamlit run server.py -- --models DIR`. Files that draw none are named and left out."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--models", type=Path)
    folder = parser.parse_known_args()[0].models
    try:
        found, left_out = ({}, []) if folder is None else drawable(folder)
        print(*left_out, sep="\n", end="\n" if left_out else "", file=sys.stderr)
        return found
    except ValueError as error:
        raise Mistake(str(error)) from error


@st.cache_resource(show_spinner=False)
def device() -> str:
    """Where models compute: `streamlit run server.py -- --device NAME`, the best there is by default."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--device", default="auto")
    wanted = parser.parse_known_args()[0].device
    try:
        found = find_device(wanted)
    except ValueError as error:
        raise Mistake(str(error)) from error
    if sentence := announced(wanted, found):
        print(sentence, file=sys.stderr)
    return str(found)


@st.cache_resource(show_spinner="Loading the model.")
def load(name: str) -> zoo.ImageModel:
    """A model, once for everybody."""
    return zoo.load(own_models().get(name, name), device())


@st.cache_resource(max_entries=60, show_spinner=False)
def kept(*settings: str | int | float) -> dict[str, Any]:
    """A place for the result of these settings: empty until somebody has computed it."""
    return {}


def asked(wanted: str) -> Any:
    """What the zoo calls it: the first classes in turn, none, or one class or prompt by itself."""
    return {EACH: list(range(PICTURES)), NO_CLASS: None}.get(wanted, wanted)


def walk(name: str, wanted: str, guidance: float, seed: int, sampler: str, steps: int) -> Walk:
    """The walk of `PICTURES` pictures with these settings."""
    place = kept(name, wanted, guidance, seed, sampler, steps)
    if "walk" not in place:
        seeds = [(seed + i) % 2**31 for i in range(PICTURES)]
        try:
            shots = zoo.generate(load(name), asked(wanted), seeds, guidance=guidance, steps=steps, sampler=sampler)
        except ValueError as error:
            raise Mistake(str(error)) from error
        bar = st.progress(0.0, f"{sampler}, {steps} steps")
        seen = []
        for shot in shots:
            seen.append(shot)
            bar.progress(shot.step / shot.steps)
        bar.empty()
        place["walk"] = Walk(
            np.array([s.t for s in seen]), np.stack([s.x_t for s in seen]), np.stack([s.x0 for s in seen])
        )
    found: Walk = place["walk"]
    return found
