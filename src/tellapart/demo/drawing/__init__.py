"""Draws the demo's two characters: brush, then figures and scenery, then styles.

Everything here is a pure function of a `random.Random`, so one seed always gives one picture.
"""
