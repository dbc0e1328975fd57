"""What an image must be like so that engines run it, and so that the system in it starts.

The rules know neither the writer nor the verifier of images: each gives its own reading of the image's files
(`sysimage.rules.files.Files`) and of its config. A build asks them before the first byte is written, the verifier when
it has read the last one; so what a build makes, the verifier accepts.
"""
