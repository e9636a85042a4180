"""Surfaces: point clouds and triangle meshes, signed distances, reconstruction, and comparison with exact solids.

Subpackages, each of which imports only those before it: `points` (clouds and normals), `mesh` (extraction, scores),
`io` (files), `distance` (signed distances), `drawing` (figures), `problems` (fitting problems), `solids` (ground
truth).
"""

from pinnkit.meshes.mesh_checks import MeshReport as MeshReport
from pinnkit.meshes.mesh_checks import check_mesh as check_mesh
from pinnkit.meshes.mesh_distance import MeshDistance as MeshDistance
from pinnkit.meshes.mesh_reading import read_mesh as read_mesh
from pinnkit.meshes.repair import RepairedMesh as RepairedMesh
from pinnkit.meshes.repair import repair_mesh as repair_mesh
from pinnkit.surfaces.distance.field_distance import distance_function as distance_function
from pinnkit.surfaces.distance.grid_distance import grid_distance as grid_distance
from pinnkit.surfaces.distance.grid_field import GridField as GridField
from pinnkit.surfaces.drawing.figures import draw_mesh as draw_mesh
from pinnkit.surfaces.drawing.figures import draw_slices as draw_slices
from pinnkit.surfaces.io.mesh_files import write_mesh as write_mesh
from pinnkit.surfaces.io.point_files import read_points as read_points
from pinnkit.surfaces.io.point_files import write_points as write_points
from pinnkit.surfaces.mesh.extraction import extract as extract
from pinnkit.surfaces.mesh.metrics import DistanceError as DistanceError
from pinnkit.surfaces.mesh.metrics import SurfaceScores as SurfaceScores
from pinnkit.surfaces.mesh.metrics import compare_surfaces as compare_surfaces
from pinnkit.surfaces.mesh.metrics import distance_error as distance_error
from pinnkit.surfaces.mesh.metrics import iou as iou
from pinnkit.surfaces.points.cloud import PointCloud as PointCloud
from pinnkit.surfaces.points.normalisation import Normalisation as Normalisation
from pinnkit.surfaces.problems.losses import IGR as IGR
from pinnkit.surfaces.problems.losses import SURFACE_LOSSES as SURFACE_LOSSES
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
