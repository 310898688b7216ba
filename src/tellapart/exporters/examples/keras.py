"""Runs model.keras with Keras alone: python example.py [--json] PICTURE..."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_HOME", os.devnull)  # or Keras leaves its settings in your home
import keras
from pictures import asked, read, tell

model = keras.saving.load_model("model.keras")

for path in asked:
    scores = keras.ops.convert_to_numpy(model(read(path)))
    tell(path, scores[0])
