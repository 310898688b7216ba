"""Between labelled pictures and other tools: parts to train and test on, and labels in their forms.

It reads data sets, places files through `files/journal/`, and writes tables. It knows no model.
"""
