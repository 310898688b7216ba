"""An inbox of pictures -> a named file a picture, resumable and undoable."""
