"""Radiance: a field of density and colour from posed pictures, by volume rendering."""

from .backgrounds import BLACK as BLACK
from .backgrounds import WHITE as WHITE
from .backgrounds import AnyColour as AnyColour
from .backgrounds import Background as Background
from .backgrounds import Plain as Plain
from .cameras import Camera as Camera
from .cameras import Convention as Convention
from .cameras import RayBundle as RayBundle
from .cameras import look_at as look_at
from .marching import Marcher as Marcher
from .marching import Samples as Samples
from .occupancy import OccupancyGrid as OccupancyGrid
from .occupancy import carve as carve
from .rays import Rays as Rays
from .rays import field_domain as field_domain
from .rays import ray_points as ray_points
from .rendering import Rendering as Rendering
from .rendering import composite as composite
from .rendering import over as over
from .rendering import ray_weights as ray_weights
from .rendering import render as render
from .sampling import sample_cdf as sample_cdf
from .sampling import stratified as stratified
from .scene import Scene as Scene
from .scene import View as View
