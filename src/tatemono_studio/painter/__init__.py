"""The painter: a picture from a prompt, the same bytes for the same commission."""

from tatemono_studio.painter.picture_spec import Commission, Painted
from tatemono_studio.painter.pipeline import description_of, paint

__all__ = ["Commission", "Painted", "description_of", "paint"]
