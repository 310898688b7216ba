"""What the README of an export for PhotoPrism says beside what all of them say."""

INSTALL = "pip install onnxruntime numpy pillow"

STEPS = """\
`PHOTOPRISM` is the folder of its `compose.yaml`.

1. `cp -r models PHOTOPRISM/`
2. In `compose.yaml`, mount this one folder. (If all of `models` is mounted, PhotoPrism's own models
   are hidden.) The variable keeps its ONNX Runtime from reporting to its maker.

   ```
   services:
     photoprism:
       environment:
         ORT_DISABLE_TELEMETRY: "1"
       volumes:
         - "./models/tellapart:/opt/photoprism/assets/models/tellapart"
   ```

   If there is `PHOTOPRISM_LABELS_MODEL: "none"`, take it out: it turns labels off.
3. `cp vision.yml PHOTOPRISM/storage/config/`. If there is a `vision.yml` already, open it instead,
   and put the entry of this one in place of its entry with `Type: labels`.
4. Start it again, and see whether it lists the model with engine `onnx` and installed `Yes`. Have
   it label five pictures, then all. New ones are labelled as they are indexed.

   ```
   docker compose up -d --force-recreate
   docker compose exec photoprism photoprism vision ls
   docker compose exec photoprism photoprism vision run -m labels --count 5 --force
   docker compose exec photoprism photoprism vision run -m labels --force
   ```

The model takes the place of PhotoPrism's own: one model labels the pictures. Labels that its own
model found stay, until you type `docker compose exec photoprism photoprism vision reset -m labels`,
which asks before it does so (`--yes` does not ask). To go back to that model, take the entry out of
`vision.yml` and start PhotoPrism again."""

PROGRAM = f"""\
That does to a picture what PhotoPrism does, and prints what it would find. It needs no PhotoPrism,
but

```
{INSTALL}
```

onnxruntime 1.29 and later report to their maker, unless `ORT_DISABLE_TELEMETRY=1` is in the
environment before they are loaded. `example.py` sets it.

## Into PhotoPrism
"""

MORE = f"""\
{PROGRAM}{STEPS}

PhotoPrism shows each label whose score is at least 20 %, so an uncertain picture gets two;
`Confidence`, under `Thresholds` in `vision.yml`, is that limit."""

DIFFERS = """\
PhotoPrism itself was not run. `example.py` does what its code did in October 2026, with Pillow in
place of libvips and Go: a thumbnail of at most 720 pixels (`fit_720`) as a JPEG of quality 83, in
the middle of a black square. The model takes the black off again; a picture that is itself black at
two opposite edges loses that too. Of a picture with a colour profile, PhotoPrism may give the model
the numbers in the file, not the colours in sRGB that tellapart sees.

In `models/tellapart/labels.txt`, "none of these" is `background`, a name that PhotoPrism ignores:
such a picture gets no label. All other lines end with a space: PhotoPrism has rules for 1,000
names, by which a daisy becomes a flower and a ball nothing, and no rule fits a line with a space.
It shows labels without that space, and with capitals where it wants them."""
