"""Runs retrained_graph.pb as programs of 2016 did: python example.py [--json] PICTURE...

A JPEG in sRGB goes in as its bytes; anything else is read by Pillow and goes in as pixels.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow.compat.v1 as tf
from pictures import asked, jpeg, read, tell

graph = tf.GraphDef()
graph.ParseFromString(open("retrained_graph.pb", "rb").read())
with tf.Graph().as_default():
    tf.import_graph_def(graph, name="")
    session = tf.Session()

for path in asked:
    if content := jpeg(path):
        feed: dict[str, object] = {"DecodeJpeg/contents:0": content}
    else:
        feed = {"DecodeJpeg:0": read(path)[0]}
    scores = session.run("final_result:0", feed)
    tell(path, scores[0])
