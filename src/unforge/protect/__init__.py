"""Cloaks: a perturbation that is hard to see and breaks programs which change faces."""
