"""Presets for image tasks: field and solver as fixed functions of the number of pixels.

A new kind of field is one module here whose class registers itself (`IMAGE_PRESETS`), and one import below.
"""

from . import grids as grids
from . import networks as networks
from .registry import IMAGE_PRESETS as IMAGE_PRESETS
from .registry import ImagePreset as ImagePreset
from .registry import image_preset as image_preset
from .super_resolution import super_resolution_preset as super_resolution_preset
