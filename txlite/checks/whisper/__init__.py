"""Exercises on speech: sound as a picture, what a decoder is asked for, when words were said."""
