"""Result pictures: real PNG files that show the prompt over a landscape of their own.

Importing this loads no imaging library; the first `render` does.
"""

from wanx_sim.rendering.picture import Picture, render
from wanx_sim.rendering.png import png_size
from wanx_sim.rendering.thumbnail import thumbnail

__all__ = ["Picture", "png_size", "render", "thumbnail"]
