"""Models held against pictures: tests, comparisons, gaps, and what to label next."""
