"""A model in the forms that other programs read, one module a form, each proved."""
