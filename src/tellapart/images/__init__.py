"""Files, bytes and arrays -> upright RGB pixels. Touches nothing but the picture it is given."""
