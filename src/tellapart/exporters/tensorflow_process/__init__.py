"""What runs in a process of its own, where TensorFlow may be imported: `python -m` this package.

`tensorflow_target.py` starts it with a job on its standard input (`__main__.py`). Every module here
imports TensorFlow or Keras, and no module elsewhere does.
"""
