"""The mark over whatever a screen shows: in pages (browser), and over whole desktops (desktop).

Both take what to say from a function, sign it anew for each slot, and tell their caller that they still run.
"""
