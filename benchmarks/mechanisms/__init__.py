"""What theories say happens inside organisms, one file per study, named like the study's module.

A file holds STORIES (a story for each of its study's theories), SPREAD (the measure whose spread between runs was set by
pilots) and PHASES (what its stories' trainings would record). It never reads a region or a contrast.
"""
