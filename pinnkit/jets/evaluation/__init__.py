"""Evaluation of the derivatives of fields: Taylor pass, nested automatic differentiation, compiled and per point."""

from .evaluate import Field as Field
from .evaluate import jets as jets
