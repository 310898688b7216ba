"""Pictures from a list of addresses, a video, a folder or an archive -> labelled folders, undoable.
The only room that opens a connection, and only to the addresses that its caller gives."""
