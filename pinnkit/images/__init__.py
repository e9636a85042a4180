"""Images: pictures as problems, fitted, made finer, filled in, and recovered from their gradients."""

from .files import read_mask as read_mask
from .files import read_picture as read_picture
from .files import write_picture as write_picture
from .filling import filling as filling
from .finer import finer as finer
from .gradients import gradient_problem as gradient_problem
from .picture import Picture as Picture
from .picture import checked_mask as checked_mask
from .pixels import Pixels as Pixels
from .problem import image_problem as image_problem
from .quality import psnr as psnr
from .quality import ssim as ssim
from .render import edges as edges
from .render import laplacian_of as laplacian_of
from .render import render as render
from .rivals import bicubic as bicubic
from .rivals import bicubic_at as bicubic_at
from .rivals import filled_linearly as filled_linearly
from .rivals import from_gradients as from_gradients
from .rivals import gradients as gradients
from .rivals import low_pass as low_pass
from .rivals import shrunk as shrunk
from .watching import watch as watch
from .ways import WAYS as WAYS
from .ways import way as way
