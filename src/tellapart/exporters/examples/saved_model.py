"""Runs model/1 with TensorFlow alone: python example.py [--json] PICTURE...

A JPEG in sRGB goes in as its bytes; anything else is read by Pillow and goes in as pixels.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf
from pictures import asked, jpeg, read, tell

model = tf.saved_model.load("model/1")

for path in asked:
    if content := jpeg(path):
        answer = model.signatures["encoded"](encoded=tf.constant([content]))
    else:
        answer = model.signatures["pixels_uint8"](pixels=tf.constant(read(path)))
    tell(path, answer["scores"][0].numpy())
