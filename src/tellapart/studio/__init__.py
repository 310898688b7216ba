"""A page on a folder of pictures: collect, label, train, test, ask why, mend, share. It may use all
that stands before it, above all the server's guards; it decides nothing that the library decides.
"""
