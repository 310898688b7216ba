# mypy: ignore-errors
"""Servers of the usual kind for one of our models: FastAPI by hand, LitServe, BentoML.

As their own documentation has it, with everything at its default: the picture comes as the file
`picture` of a form, Pillow decodes it and resizes it to the network's side, ONNX Runtime runs with
its default session. `serving.py` runs this with a Python that has them:

    python -m venv rivals
    rivals/bin/pip install fastapi uvicorn[standard] python-multipart litserve bentoml
    rivals/bin/pip install onnxruntime pillow
    python benchmarks/serving.py --rivals rivals/bin/python
"""

import io
import os
import sys
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.update(BENTOML_DO_NOT_TRACK="True", DO_NOT_TRACK="1")

import numpy as np
import onnxruntime
from PIL import Image

SIDE = 224
KIND = os.environ.setdefault("KIND", sys.argv[1])  # the processes they start read this file too


def opened() -> Any:
    return onnxruntime.InferenceSession(
        os.path.join(os.environ["MODEL"], "model.onnx"), providers=["CPUExecutionProvider"]
    )


def guess(session: Any, image: Image.Image) -> dict[str, Any]:
    pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
    scores, novelty = session.run(["scores", "novelty"], {"image": pixels[None]})
    return {"scores": scores[0].tolist(), "novelty": float(novelty[0])}


if KIND == "fastapi":
    import uvicorn
    from fastapi import FastAPI, UploadFile

    app = FastAPI()
    session = opened()

    @app.post("/predict")
    async def predict(picture: UploadFile) -> dict[str, Any]:
        return guess(session, Image.open(io.BytesIO(await picture.read())))

elif KIND == "litserve":
    import litserve

    class Guessing(litserve.LitAPI):
        def setup(self, device: Any) -> None:
            self.session = opened()

        def decode_request(self, request):  # annotations would change it
            return Image.open(io.BytesIO(request["picture"].file.read()))

        def predict(self, image: Image.Image) -> dict[str, Any]:
            return guess(self.session, image)

        def encode_response(self, output):
            return output

elif KIND == "bentoml":
    import bentoml

    @bentoml.service
    class Bento:
        def __init__(self) -> None:
            self.session = opened()

        @bentoml.api
        def predict(self, picture: Image.Image) -> dict[str, Any]:
            return guess(self.session, picture)


def main() -> None:
    port = int(sys.argv[2])
    if KIND == "fastapi":
        uvicorn.run(app, port=port, log_level="error")
    elif KIND == "litserve":
        server = litserve.LitServer(Guessing(), accelerator="cpu")
        server.run(port=port, host="127.0.0.1", log_level="error", generate_client_file=False)
    else:
        folder, name = os.path.split(os.path.abspath(__file__))
        os.chdir(folder)
        serve = [sys.executable, "-m", "bentoml", "serve", f"{name[:-3]}:Bento"]
        os.execv(sys.executable, [*serve, "--port", str(port), "--host", "127.0.0.1"])


if __name__ == "__main__":
    main()
