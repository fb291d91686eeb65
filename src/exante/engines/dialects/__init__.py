"""How one model family writes a conversation: what opens a thought, what closes a turn, and where sampling stops.

`base` says what a dialect is, `micro` is that of the models pretrained here, `chat` reads one off a checkpoint's chat template,
and `check` tries a dialect on real tokens before anything is trained on it.
"""
