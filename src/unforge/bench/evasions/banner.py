"""A band with ordinary words over a tenth of the picture, as shops lay over their own."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unforge.bench._redteam_material import Material

OF = ("known picture",)
SHARE = 0.1
WORDS = ("SUMMER", "NEW", "GOOD DAY", "HELLO", "NICE")


def evade(material: Material, rng: np.random.Generator) -> Material:
    image = Image.fromarray(material.picture)
    width, height = image.size
    high = round(SHARE * height)
    top = 0 if rng.random() < 0.5 else height - high
    red, green, blue = (int(level) for level in rng.integers(0, 256, 3))
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((0, top, width, top + high), fill=(red, green, blue))
    font = ImageFont.load_default(max(8, round(0.6 * high)))
    ink = "black" if red + green + blue > 380 else "white"
    drawing.text((width / 2, top + high / 2), str(rng.choice(WORDS)), font=font, fill=ink, anchor="mm")
    return material.pictured(np.asarray(image))
