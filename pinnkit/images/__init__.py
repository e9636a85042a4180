"""Images: pictures as fitting problems, inpainting, super-resolution, and reconstruction from gradients.

This package holds what is specific to pictures: files, pixel coordinates, problems, presets (field and solver from the
number of pixels), baselines for comparison, and quality measures.
"""

from pinnkit.images.presets import IMAGE_PRESETS as IMAGE_PRESETS
from pinnkit.images.presets import ImagePreset as ImagePreset
from pinnkit.images.presets import image_preset as image_preset
from pinnkit.images.presets import super_resolution_preset as super_resolution_preset

from .baselines import bicubic as bicubic
from .baselines import bicubic_at as bicubic_at
from .baselines import downsample as downsample
from .baselines import gradients as gradients
from .baselines import inpaint_linear as inpaint_linear
from .baselines import integrate_gradients as integrate_gradients
from .baselines import low_pass as low_pass
from .files import read_mask as read_mask
from .files import read_picture as read_picture
from .files import write_picture as write_picture
from .gradient_reconstruction import gradient_problem as gradient_problem
from .monitors import psnr_monitor as psnr_monitor
from .picture import Picture as Picture
from .picture import check_mask as check_mask
from .pixels import Pixels as Pixels
from .problem import image_problem as image_problem
from .quality import psnr as psnr
from .quality import ssim as ssim
from .rendering import gradient_magnitude as gradient_magnitude
from .rendering import image_laplacian as image_laplacian
from .rendering import render as render
