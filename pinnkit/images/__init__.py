"""Images: pictures as problems, fitted, made finer, filled in, and recovered from their gradients."""

from pinnkit.images.presets.filling import filling as filling
from pinnkit.images.presets.finer import finer as finer
from pinnkit.images.presets.fitting import WAYS as WAYS
from pinnkit.images.presets.fitting import way as way

from .baselines import bicubic as bicubic
from .baselines import bicubic_at as bicubic_at
from .baselines import filled_linearly as filled_linearly
from .baselines import from_gradients as from_gradients
from .baselines import gradients as gradients
from .baselines import low_pass as low_pass
from .baselines import shrunk as shrunk
from .files import read_mask as read_mask
from .files import read_picture as read_picture
from .files import write_picture as write_picture
from .gradients import gradient_problem as gradient_problem
from .monitors import watch as watch
from .picture import Picture as Picture
from .picture import checked_mask as checked_mask
from .pixels import Pixels as Pixels
from .problem import image_problem as image_problem
from .quality import psnr as psnr
from .quality import ssim as ssim
from .render import edges as edges
from .render import laplacian_of as laplacian_of
from .render import render as render
