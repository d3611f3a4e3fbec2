"""Classifiers of texts: disguises that training texts are seen in, material, and the fit."""
