"""The painter: a picture from a prompt, the same bytes for the same specification."""

from tatemono_studio.painter.picture_spec import PaintedPicture, PictureSpec
from tatemono_studio.painter.pipeline import description_of, paint

__all__ = ["PaintedPicture", "PictureSpec", "description_of", "paint"]
