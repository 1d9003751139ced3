"""What the big pieces of work cost, each beside a bare baseline in the same run.

No test stands on these figures; README.md says what each measures and which bar it has to keep.
"""
