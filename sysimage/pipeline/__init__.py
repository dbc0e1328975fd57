"""From a declared system to an image at its destinations: the rooms in their order, and what a build is asked for."""
