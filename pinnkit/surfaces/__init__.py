"""Surfaces: point clouds and meshes, signed distances that reconstruct them, and what measures the two."""

from .cloud import PointCloud as PointCloud
from .extraction import extract as extract
from .fitted import distance_of as distance_of
from .grid_distance import grid_distance as grid_distance
from .grid_field import GridField as GridField
from .gyroid import GyroidShell as GyroidShell
from .io import read_mesh as read_mesh
from .io import read_points as read_points
from .io import write_mesh as write_mesh
from .io import write_points as write_points
from .losses import IGR as IGR
from .losses import SirenLosses as SirenLosses
from .losses import Supervised as Supervised
from .losses import SurfaceLosses as SurfaceLosses
from .normalisation import Normalisation as Normalisation
from .reconstruction import Reconstruction as Reconstruction
from .reconstruction import reconstruct as reconstruct
from .shapes import BoxMinusCylinder as BoxMinusCylinder
from .shapes import Sphere as Sphere
from .shapes import Torus as Torus
from .soundness import Soundness as Soundness
from .soundness import examine as examine
from .surface_problem import surface_problem as surface_problem
