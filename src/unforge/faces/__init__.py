"""Faces: found, followed, aligned, measured."""

from unforge.faces.track import FACES_PER_STILL, FaceTrack, Scan, follow, scan

__all__ = ["FACES_PER_STILL", "FaceTrack", "Scan", "follow", "scan"]
