"""Differentiable architecture search for nascore."""
