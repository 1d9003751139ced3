"""What the big pieces of work cost, each beside a bare baseline in the same run.

No test stands on these figures: they are for comparing two states of the code on one machine.
"""
