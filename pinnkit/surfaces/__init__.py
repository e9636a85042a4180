"""Surfaces: point clouds and meshes, signed distances that reconstruct them, and what measures the two."""

from pinnkit.surfaces.distance.field_distance import distance_of as distance_of
from pinnkit.surfaces.distance.grid_distance import grid_distance as grid_distance
from pinnkit.surfaces.distance.grid_field import GridField as GridField
from pinnkit.surfaces.distance.mesh_distance import MeshDistance as MeshDistance
from pinnkit.surfaces.drawing.pictures import draw_mesh as draw_mesh
from pinnkit.surfaces.drawing.pictures import draw_slices as draw_slices
from pinnkit.surfaces.io.files import read_mesh as read_mesh
from pinnkit.surfaces.io.files import write_mesh as write_mesh
from pinnkit.surfaces.io.files import write_points as write_points
from pinnkit.surfaces.io.point_files import read_points as read_points
from pinnkit.surfaces.io.repair import Mended as Mended
from pinnkit.surfaces.io.repair import mended as mended
from pinnkit.surfaces.mesh.extraction import extract as extract
from pinnkit.surfaces.mesh.mesh_checks import Soundness as Soundness
from pinnkit.surfaces.mesh.mesh_checks import examine as examine
from pinnkit.surfaces.mesh.metrics import DistanceError as DistanceError
from pinnkit.surfaces.mesh.metrics import SurfaceScores as SurfaceScores
from pinnkit.surfaces.mesh.metrics import compare_surfaces as compare_surfaces
from pinnkit.surfaces.mesh.metrics import distance_error as distance_error
from pinnkit.surfaces.mesh.metrics import iou as iou
from pinnkit.surfaces.points.cloud import PointCloud as PointCloud
from pinnkit.surfaces.points.normalisation import Normalisation as Normalisation
from pinnkit.surfaces.problems.losses import IGR as IGR
from pinnkit.surfaces.problems.losses import SirenLosses as SirenLosses
from pinnkit.surfaces.problems.losses import Supervised as Supervised
from pinnkit.surfaces.problems.losses import SurfaceLosses as SurfaceLosses
from pinnkit.surfaces.problems.mesh_problems import occupancy_problem as occupancy_problem
from pinnkit.surfaces.problems.mesh_problems import sdf_problem as sdf_problem
from pinnkit.surfaces.problems.surface_problem import surface_problem as surface_problem
from pinnkit.surfaces.solids.gyroid import GyroidShell as GyroidShell
from pinnkit.surfaces.solids.solids import BoxMinusCylinder as BoxMinusCylinder
from pinnkit.surfaces.solids.solids import Sphere as Sphere
from pinnkit.surfaces.solids.solids import Torus as Torus

from .reconstruction import Reconstruction as Reconstruction
from .reconstruction import reconstruct as reconstruct
