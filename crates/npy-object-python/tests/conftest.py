import sys

# Fixtures are nested deeper than repr() and the like go.
sys.setrecursionlimit(20000)
