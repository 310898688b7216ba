"""The answers of a model about many pictures, in shards: it writes to a folder or an address."""
