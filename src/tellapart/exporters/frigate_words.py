"""What the README of an export for Frigate says beside what all of them say."""

INSTALL = "pip install ai-edge-litert numpy pillow"

STEPS = """\
Copy the two files that Frigate reads into a folder of their own below its configuration. Its name
is the model's, so that several models do not meet:

```
mkdir -p /config/model_cache/{name}
cp model.tflite labelmap.txt /config/model_cache/{name}/
```

For a label of tracked objects, add this to Frigate's `config.yml`:

```yaml
classification:
  custom:
    {name}:
      threshold: 0.8
      object_config:
        objects: [dog] # tracked objects to classify
        classification_type: sub_label # or: attribute
```

For the state of a place that the camera `front` sees:

```yaml
classification:
  custom:
    {name}:
      threshold: 0.8
      state_config:
        motion: true # when something moves in the crop
        interval: 10 # and every so many seconds
        cameras:
          front:
            crop: [0.0, 0.5, 0.25, 1.0] # left, top, right, bottom, as shares of the picture
```

Start Frigate again. A state is published after three answers in a row that are the same; an
object gets a label once at least 60 % of three or more answers agree, and none if that label is
`none`. For a state, `none` is published like any other. Do not train the model of this name in
Frigate's own page: that writes another one over it."""

PROGRAM = f"""\
That does to a picture what Frigate does, and prints what it would find. It needs no Frigate, but

```
{INSTALL}
```

## Into Frigate
"""

DIFFERS = """\
Frigate itself was not run. `example.py` does to a picture what Frigate's code does, with the
interpreter that it uses. 8-bit integers move scores, most where the model is unsure, and novelty
too: a picture close to the threshold may change sides."""
