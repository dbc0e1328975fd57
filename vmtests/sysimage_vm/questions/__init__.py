"""The standard questions: testinfra modules that pytest runs against a booted image."""
