"""Radiance fields: density and colour from posed pictures, by volume rendering.

Subpackages, each of which imports only those before it: `data` (scenes, cameras, occupancy), `rendering` (samples along
rays, quadrature, views), `recipes` (problem, training, evaluation); `synthetic` (generated scenes) imports `data`.
"""

from pinnkit.radiance.data.backgrounds import BLACK as BLACK
from pinnkit.radiance.data.backgrounds import WHITE as WHITE
from pinnkit.radiance.data.backgrounds import Background as Background
from pinnkit.radiance.data.backgrounds import ConstantBackground as ConstantBackground
from pinnkit.radiance.data.backgrounds import RandomBackground as RandomBackground
from pinnkit.radiance.data.cameras import Camera as Camera
from pinnkit.radiance.data.cameras import Convention as Convention
from pinnkit.radiance.data.cameras import RayBundle as RayBundle
from pinnkit.radiance.data.cameras import look_at as look_at
from pinnkit.radiance.data.contraction import Contraction as Contraction
from pinnkit.radiance.data.occupancy import OccupancyGrid as OccupancyGrid
from pinnkit.radiance.data.occupancy import carve as carve
from pinnkit.radiance.data.reader import read_scene as read_scene
from pinnkit.radiance.data.scene import Scene as Scene
from pinnkit.radiance.data.scene import View as View
from pinnkit.radiance.data.scene_drawing import draw_cameras as draw_cameras
from pinnkit.radiance.data.scene_drawing import draw_views as draw_views
from pinnkit.radiance.recipes.bounded_recipe import Planes as Planes
from pinnkit.radiance.recipes.evaluation import Evaluation as Evaluation
from pinnkit.radiance.recipes.evaluation import psnr as psnr
from pinnkit.radiance.recipes.initialization import initial_rays as initial_rays
from pinnkit.radiance.recipes.nerf_recipe import ClassicalNerf as ClassicalNerf
from pinnkit.radiance.recipes.radiance_problem import radiance_problem as radiance_problem
from pinnkit.radiance.recipes.registry import RECIPES as RECIPES
from pinnkit.radiance.recipes.registry import Recipe as Recipe
from pinnkit.radiance.recipes.training import default_recipe as default_recipe
from pinnkit.radiance.recipes.training import fit_radiance as fit_radiance
from pinnkit.radiance.recipes.training import sampler_of as sampler_of
from pinnkit.radiance.recipes.unbounded_recipe import UnboundedPlanes as UnboundedPlanes
from pinnkit.radiance.rendering.camera_path import check_video_path as check_video_path
from pinnkit.radiance.rendering.camera_path import orbit as orbit
from pinnkit.radiance.rendering.camera_path import write_video as write_video
from pinnkit.radiance.rendering.early_ray_termination import EarlyRayTermination as EarlyRayTermination
from pinnkit.radiance.rendering.hierarchical import HierarchicalRays as HierarchicalRays
from pinnkit.radiance.rendering.hierarchical import StratifiedRays as StratifiedRays
from pinnkit.radiance.rendering.importance_sampling import ImportanceSampler as ImportanceSampler
from pinnkit.radiance.rendering.pruning import pruned_sampler as pruned_sampler
from pinnkit.radiance.rendering.ray_marching import RayMarcher as RayMarcher
from pinnkit.radiance.rendering.ray_marching import RaySampler as RaySampler
from pinnkit.radiance.rendering.ray_marching import RaySamples as RaySamples
from pinnkit.radiance.rendering.rays import Rays as Rays
from pinnkit.radiance.rendering.rays import field_domain as field_domain
from pinnkit.radiance.rendering.rays import ray_points as ray_points
from pinnkit.radiance.rendering.sampling import sample_cdf as sample_cdf
from pinnkit.radiance.rendering.sampling import stratified as stratified
from pinnkit.radiance.rendering.views import RenderedView as RenderedView
from pinnkit.radiance.rendering.views import render_rays as render_rays
from pinnkit.radiance.rendering.views import render_view as render_view
from pinnkit.radiance.rendering.volume_rendering import Rendering as Rendering
from pinnkit.radiance.rendering.volume_rendering import composite as composite
from pinnkit.radiance.rendering.volume_rendering import over as over
from pinnkit.radiance.rendering.volume_rendering import ray_weights as ray_weights
from pinnkit.radiance.rendering.volume_rendering import render as render
from pinnkit.radiance.synthetic.generated_scenes import make_scene as make_scene
from pinnkit.radiance.synthetic.generated_scenes import write_scene as write_scene
from pinnkit.radiance.synthetic.surroundings import SURROUNDINGS as SURROUNDINGS
from pinnkit.radiance.synthetic.surroundings import Landscape as Landscape
from pinnkit.radiance.synthetic.surroundings import Room as Room
from pinnkit.radiance.synthetic.surroundings import Surroundings as Surroundings
from pinnkit.radiance.synthetic.synthetic_captures import capture as capture
from pinnkit.radiance.synthetic.synthetic_captures import write_capture as write_capture
