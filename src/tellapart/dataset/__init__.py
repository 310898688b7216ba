"""A folder, table or archive -> labelled pictures. Reads names and tables, and decodes nothing."""
